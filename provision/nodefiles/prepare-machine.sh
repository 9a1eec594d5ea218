# A disk that a machine boots from, by a kernel and an initrd that lie beside the disk.
printf '/dev/vda / ext4 rw,noatime 0 0\n' > /etc/fstab
# The initrd holds what mounts the root disk, and no more: an emulated machine unpacks it slowly.
# With the NICs' driver in it they exist when the first unit runs, so nothing has to wait for them.
printf 'MODULES=list\nCOMPRESS=gzip\nFSTYPE=ext4\n' > /etc/initramfs-tools/conf.d/halab
printf '%s\n' virtio_pci virtio_blk virtio_net virtio_rng ext4 crc32c_generic > /etc/initramfs-tools/modules
# Drivers of hardware that no virtual machine has: a third of the disk.
for part in gpu media infiniband net/wireless net/ethernet staging isdn iio hid usb scsi/qla2xxx; do
    rm -rf /lib/modules/*/kernel/drivers/$part
done
rm -rf /lib/modules/*/kernel/sound
mounted=
mountpoint -q /proc || { mount -t proc proc /proc; mounted=yes; }
for kernel in /lib/modules/*; do
    depmod "${kernel##*/}"
    update-initramfs -u -k "${kernel##*/}"
done
[ -z "$mounted" ] || umount /proc
