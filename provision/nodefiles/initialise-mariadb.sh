# A fresh data directory that has been a Galera cluster of one: all nodes of a lab start from
# equal copies of it, so none needs a state transfer.  Done in a network namespace with nothing
# but a loopback, since a Galera node always listens.
rm -rf /var/lib/mysql
install -d -o mysql -g mysql -m 0755 /var/lib/mysql /var/log/mysql /run/mysqld
small="--innodb-log-file-size=16M --innodb-buffer-pool-size=32M"
mariadb-install-db --user=mysql --skip-test-db --auth-root-authentication-method=socket $small > /dev/null
cat > /tmp/bootstrap.sh <<'SCRIPT'
ip link set lo up
mariadbd --user=mysql --bind-address=127.0.0.1 --socket=/run/mysqld/mysqld.sock $1 $2 \
    --binlog-format=ROW --wsrep-on=ON --wsrep-provider=/usr/lib/galera/libgalera_smm.so \
    --wsrep-provider-options="gmcast.listen_addr=tcp://127.0.0.1:4567;gcache.size=1M" \
    --wsrep-node-address=127.0.0.1 --wsrep-cluster-address=gcomm:// --wsrep-new-cluster \
    --log-error=/tmp/bootstrap.log &
pid=$!
tries=0
until mariadb --batch --skip-column-names -e "SHOW STATUS LIKE 'wsrep_local_state_comment'" 2>/dev/null | grep -q Synced; do
    tries=$((tries + 1))
    if [ $tries -gt 300 ] || ! kill -0 $pid 2>/dev/null; then tail -n 20 /tmp/bootstrap.log >&2; exit 1; fi
    sleep 0.1
done
mariadb-admin shutdown
wait $pid
SCRIPT
unshare -n sh /tmp/bootstrap.sh $small
rm -f /tmp/bootstrap.sh /tmp/bootstrap.log
# No member may think that it alone may bootstrap; the saved view of the lab decides.
sed -i 's/^safe_to_bootstrap:.*/safe_to_bootstrap: 0/' /var/lib/mysql/grastate.dat
rm -f /var/lib/mysql/galera.cache /var/lib/mysql/gvwstate.dat
