"""Real machines under libvirt: what the vagrant driver stands on, one noun a module."""
