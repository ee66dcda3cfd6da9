#!/bin/bash
# FTP between programs that others wrote: vsftpd, curl and lftp; active and passive by each of the four
# commands that name a port, IPv4 and IPv6, NAT and (port 2121) full NAT. Files are compared by hash.
. "$(dirname "$0")/../lib.sh"
LAB_WORKERS=2 raise lvs-ftp

root=/var/cache/director-lab
file=$(scripts/lab file 4M)
wanted=$(sha256 <"$file")
install -d -o ftp -g ftp "$root/incoming"
install -d "$scratch/empty"
for web in web1 web2; do
    cat >"$lab_state/$web/vsftpd.conf" <<CONF
background=NO
listen=NO
listen_ipv6=YES
anonymous_enable=YES
local_enable=NO
no_anon_password=YES
anon_root=$root
write_enable=YES
anon_upload_enable=YES
anon_umask=022
connect_from_port_20=YES
secure_chroot_dir=$scratch/empty
isolate=NO
isolate_network=NO
seccomp_sandbox=NO
ftpd_banner=$web
CONF
    scripts/lab start $web vsftpd /usr/sbin/vsftpd "$lab_state/$web/vsftpd.conf"
    until_true 60 ip netns exec dir-$web sh -c 'ss -Hltn sport = :21 | grep -q .' ||
        not_ok "vsftpd of $web started" "$(cat "$lab_state/$web/vsftpd.log")"
done

# fetch WHAT COMMAND URL [CURL-ARGUMENTS...]: by that command of FTP, from both servers.
fetch() {
    local what=$1 command=$2 url=$3
    shift 3
    for _ in 1 2; do
        expect "$what: the file by $command" "$wanted $command" "$(
            client curl -sS -v -m 60 "$@" "$url/4M" 2>"$scratch/said" | sha256
        ) $(grep -o -E '^> (EPSV|PASV|EPRT|PORT)' "$scratch/said" | tail -n 1 | cut -c 3-)"
    done
}

for port in 21 2121; do
    url=ftp://170.210.122.104:$port
    fetch "curl, port $port" EPSV "$url"
    fetch "curl, port $port" PASV "$url" --disable-epsv
    fetch "curl, port $port" EPRT "$url" --ftp-port -
    fetch "curl, port $port" PORT "$url" --ftp-port - --disable-eprt
done
fetch "curl, IPv6" EPSV 'ftp://[2001:db8:122::104]'
fetch "curl, IPv6" EPRT 'ftp://[2001:db8:122::104]' --ftp-port -
expect "both servers had a part" "web1 web2" "$(for _ in 1 2; do
    client curl -sS -v -m 60 ftp://170.210.122.104/ 2>&1 >/dev/null | grep -o '^< 220 web.' | cut -c 7-
done | sort | xargs)"

# One control connection, several data connections: two lists, a file there and a file back.
for host in 170.210.122.104 170.210.122.104:2121 '[2001:db8:122::104]'; do
    for passive in on off; do
        name=file$(tr -c 'a-z0-9\n' - <<<"$host-$passive")
        client lftp -c "set net:max-retries 1; set net:timeout 20; set ftp:passive-mode $passive
            open ftp://$host; ls; put $file -o incoming/$name; ls incoming; get 4M -o $scratch/$name" \
            >"$scratch/lftp" 2>&1
        expect "lftp, $host, passive $passive: the file comes" "$wanted" \
            "$(sha256 <"$scratch/$name")"
        expect "lftp, $host, passive $passive: the file goes" "$wanted" \
            "$(sha256 <"$root/incoming/$name")"
        check "lftp, $host, passive $passive: and is listed" grep -q "$name" "$scratch/lftp"
    done
done
check_balance
check_kernel_saw_nothing
