# Who Keystone runs as; the package keystone, which would make it, is not installed.
adduser --quiet --system --group --home /var/lib/keystone --shell /usr/sbin/nologin keystone
install -d -o keystone -g keystone -m 0700 /etc/keystone/fernet-keys /etc/keystone/credential-keys
install -d -o keystone -g keystone -m 0750 /var/log/keystone
