#!/bin/bash
# install_test.sh BUILD: what `meson install` and scripts/package make of a finished build.
. "$(dirname "$0")/lib.sh"
build=$1
root=$scratch/root

# --- meson install ---
check "meson install" env DESTDIR="$root" meson install -C "$build" --no-rebuild --quiet
prefix=$(cd "$root" && dirname "$(dirname "$(find . -name directord -path '*sbin*')")")
prefix=${prefix#.}
check "directord runs" "$root$prefix/sbin/directord" --version
check "directorctl finds the directord beside it" \
    "$root$prefix/bin/directorctl" check "$repository/config/examples/lvs-nat.conf"
refute "no ipvsadm in the way of Debian's" test -e "$root$prefix/sbin/ipvsadm"
expect "but a link elsewhere" "$prefix/bin/directorctl" \
    "$(readlink "$root$prefix/libexec/director/ipvsadm")"
expect "every example is there" "$(ls "$repository/config/examples")" \
    "$(ls "$root$prefix/share/doc/director/examples")"
check "the appliance's script" test -x "$root$prefix/sbin/director-appliance"

# --- the unit ---
unit=$root$prefix/lib/systemd/system/director.service
if command -v systemd-analyze >/dev/null; then
    # Among systemd's own units, below the root that has the programs.
    mkdir -p "$root/etc/systemd/system" "$root/lib/systemd"
    cp -a /lib/systemd/system "$root/lib/systemd/"
    cp "$unit" "$root/etc/systemd/system/"
    verify() { systemd-analyze verify --root="$root" --man=no director.service 2>&1 | grep director; }
    expect "systemd-analyze verify has nothing to say" "" "$(verify)"
    sed -i 's/^OOMScoreAdjust/OOMSkoreAdjust/' "$root/etc/systemd/system/director.service"
    check "and would have something" grep -q OOMSkore <<<"$(verify)"
    cp "$unit" "$root/etc/systemd/system/"
    level=$(systemd-analyze security --offline=true --no-pager \
        "$root/etc/systemd/system/director.service" 2>/dev/null |
        sed -n 's/.*Overall exposure level.*: \([0-9]*\)\..*/\1/p')
    check "exposure below 6 (is ${level:-unknown}): it needs cards and raw sockets" test "${level:-9}" -lt 6
fi
for line in Type=notify WatchdogSec=20 "ExecReload=$prefix/bin/directorctl reload" \
    ConditionPathExists=/etc/director.conf; do
    check "the unit has $line" grep -qx "$line" "$unit"
done

# --- the Debian package ---
if command -v dpkg-deb >/dev/null && command -v dpkg-shlibdeps >/dev/null; then
    package=$("$repository/scripts/package" --build "$build" --output "$scratch" 2>"$scratch/log")
    check "scripts/package" test -f "$package"
    [ -f "$package" ] || cat "$scratch/log"
    installed=$scratch/installed
    check "it unpacks" dpkg-deb -x "$package" "$installed"
    check "its directord runs" "$installed/usr/sbin/directord" --version
    check "its directorctl has ipvsadm's face" \
        sh -c "'$installed/usr/libexec/director/ipvsadm' --version"
    mkdir -p "$scratch/dpkg/var/lib/dpkg/"{info,updates}
    : >"$scratch/dpkg/var/lib/dpkg/status"
    check "dpkg unpacks it" dpkg --root="$scratch/dpkg" --force-not-root --force-depends --unpack "$package"
    check "apt would install it" \
        sh -c "apt-get install --simulate '$package' | grep -q '^Inst director '"
    check "it depends on DPDK's libraries" \
        sh -c "dpkg-deb -f '$package' Depends | grep -q 'librte-'"
    expect "configuration files" /etc/logrotate.d/director "$(dpkg-deb -I "$package" conffiles)"
    check "the unit runs the installed program" grep -qx \
        'ExecStart=/usr/sbin/directord --config /etc/director.conf' \
        "$installed/lib/systemd/system/director.service"
    expect "everything is root's" "" \
        "$(dpkg-deb -c "$package" | awk '$2 != "root/root"')"

    # The scripts, before programs that only note how they are called.
    mkdir -p "$scratch/bin" "$scratch/control"
    dpkg-deb -e "$package" "$scratch/control"
    for program in groupadd systemctl; do
        printf '#!/bin/sh\necho "%s $*" >>"%s/calls"\n' "$program" "$scratch" >"$scratch/bin/$program"
    done
    printf '#!/bin/sh\nexit 2\n' >"$scratch/bin/getent"
    chmod +x "$scratch/bin/"*
    check "postinst" env PATH="$scratch/bin:$PATH" "$scratch/control/postinst" configure ''
    check "makes the group" grep -qx 'groupadd --system director' "$scratch/calls"
    check "enables the unit" grep -q 'systemctl enable director.service' "$scratch/calls"
    refute "and starts nothing" grep -q 'systemctl.* start' "$scratch/calls"
    : >"$scratch/calls"
    check "prerm of an upgrade" env PATH="$scratch/bin:$PATH" "$scratch/control/prerm" upgrade 2
    expect "stops nothing" "" "$(cat "$scratch/calls")"
    if command -v lintian >/dev/null; then
        # The project has no mail address.
        check "lintian finds no errors" lintian --allow-root --fail-on error \
            --suppress-tags bogus-mail-host,bogus-mail-host-in-debian-changelog "$package"
    fi
fi
finish
