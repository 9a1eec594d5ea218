"""This host: what it must have, its processes, cgroups and disks."""
