#!/bin/bash
# Build vmlinuz + initramfs.cpio.gz for a tiny IPVS guest from Debian's own packages, installing nothing in /boot.
# usage: mkinitramfs.sh OUTDIR      (needs: apt-get install busybox-static ipvsadm cpio kmod iproute2; apt-get update done)
set -euo pipefail
OUT=${1:?outdir}; mkdir -p "$OUT"; OUT=$(realpath "$OUT"); cd "$OUT"
FLAVOUR=${FLAVOUR:-cloud-amd64}
PKG=$(apt-cache depends linux-image-$FLAVOUR | awk '/Depends: linux-image/{print $2; exit}')
ls ${PKG}_*.deb >/dev/null 2>&1 || apt-get download "$PKG"
rm -rf kpkg root; dpkg -x ${PKG}_*.deb kpkg
KV=$(ls kpkg/lib/modules); cp kpkg/boot/vmlinuz-$KV vmlinuz
mkdir -p root/{bin,sbin,proc,sys,dev,tmp,etc,lib/modules/$KV,run,var/run}
cp /bin/busybox root/bin/busybox
# modules wanted; dependency closure through depmod/modprobe on the extracted tree
depmod -b "$OUT/kpkg" "$KV" 2>/dev/null
WANT="virtio_pci virtio_mmio virtio_net ip_vs ip_vs_rr ip_vs_wrr ip_vs_lc ip_vs_wlc ip_vs_sh ip_vs_mh ip_vs_sed ip_vs_nq ip_vs_dh ip_vs_fo ip_vs_ovf ip_vs_ftp nf_nat ipip macvlan 8021q sch_netem crc32c_intel crc32c_generic dummy af_packet"
for m in $WANT; do
  modprobe -d "$OUT/kpkg" -S "$KV" --show-depends $m 2>/dev/null | awk '$1=="insmod"{print $2}'
done | awk '!s[$0]++' > order.txt
while read -r f; do d=root/lib/modules/$KV/$(basename "$f"); cp "$f" "$d"; done < order.txt
sed 's,.*/,,' order.txt > root/lib/modules/order
# dynamic binaries
for b in /usr/sbin/ipvsadm /sbin/ip ${EXTRA_BINS:-}; do
  b=$(readlink -f $b); cp "$b" root/sbin/
  ldd "$b" | grep -oE '/[^ ]+\.so[^ ]*' | while read -r l; do mkdir -p root$(dirname $l); cp -L "$l" root$l; done
done
cat > root/init <<'EOI'
#!/bin/busybox sh
/bin/busybox --install -s /bin 2>/dev/null
mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t devtmpfs dev /dev; mount -t tmpfs tmp /tmp
export PATH=/sbin:/bin; KV=$(uname -r)
for m in $(cat /lib/modules/order); do insmod /lib/modules/$KV/$m 2>/tmp/insmod.err || echo "insmod $m: $(cat /tmp/insmod.err)"; done
ip link set lo up
# kernel command line: setup="base64 of a shell script" runs as the guest's configuration
S=$(sed -n 's/.*setup=\([^ ]*\).*/\1/p' /proc/cmdline)
[ -n "$S" ] && echo "$S" | base64 -d > /tmp/setup.sh && sh -x /tmp/setup.sh
echo "IPVS-VM-READY uptime $(cut -d' ' -f1 /proc/uptime)"
exec setsid sh -c 'exec sh </dev/ttyS0 >/dev/ttyS0 2>&1'
EOI
chmod +x root/init
( cd root; find . | cpio -o -H newc --quiet | gzip -1 ) > initramfs.cpio.gz
ls -la vmlinuz initramfs.cpio.gz; wc -l < order.txt
