#!/usr/bin/env bash
# Checks what deploy/Dockerfile would make, where no container engine runs: puts the packages that its last stage names, the
# binary and the name service into an empty root, and pulls a model in it over TLS, by host name, as the image's user, with
# nothing writable but the volume.
#
# Usage: image.sh ASPIRED LINKED ROOT    (LINKED: the same binary with its symbols; ROOT: made anew; rclone on the PATH)
set -euo pipefail

aspired=$(realpath "$1")
linked=$(realpath "$2")
root=$(realpath -m "$3")
dockerfile=$(dirname "$(realpath "$0")")/../Dockerfile
largest_binary=30000000
host=s3.aspired.test
user=$(sed -n 's/^USER //p' "$dockerfile")

work=$(mktemp -d)
server=
clean_up() {
  if [ -n "$server" ]; then kill "$server" 2>/dev/null || true; fi
  rm -rf "$work"
}
trap clean_up EXIT
say() { printf 'image    %s\n' "$*"; }
fail() {
  printf 'image: %s\n' "$*" >&2
  exit 1
}
megabytes() { awk "BEGIN {printf \"%.1f MB\", $1 / 1e6}"; }

# The binary.

bytes=$(stat -c %s "$aspired")
[ "$bytes" -le "$largest_binary" ] || fail "the binary has $bytes bytes, more than $largest_binary"
say "binary: $(megabytes "$bytes"), static Swift library, stripped"

# ICU alone would be 40 MB. FoundationEssentials, which has none, comes with swift-argument-parser.
nm --defined-only --print-size --radix=d "$linked" > "$work/symbols" 2>/dev/null
[ -s "$work/symbols" ] || fail "$linked has no symbols to look at"
if grep -E ' (\$s10Foundation|\$s30FoundationInternationalization|icudt[0-9]+_dat|swift_u[a-z]+_)' "$work/symbols" | head -n 3 | grep .; then
  fail "Foundation or ICU is linked"
fi
essentials=$(awk '/ \$s20FoundationEssentials/ {sum += $2} END {print sum + 0}' "$work/symbols")
say "Foundation and its ICU: not linked; symbols of FoundationEssentials: $(megabytes "$essentials")"

# The files of the last stage.

from=$(grep -c '^FROM ' "$dockerfile")
[ "$(grep -cE '^FROM [^ ]+[:-]\$\{DEBIAN\}' "$dockerfile")" = "$from" ] || fail "the stages are not on one Debian release"
release=$(sed -n 's/^ARG DEBIAN=//p' "$dockerfile")
here=$(. /etc/os-release && echo "${VERSION_CODENAME:-unknown}")
if [ "$release" != "$here" ]; then
  say "files: skipped, the image is Debian $release and this machine is $here"
  exit 0
fi
read -ra packages <<< "$(tac "$dockerfile" | sed -n '0,/^FROM/p' | sed -n 's/.*apt-get install\( -[^ ]*\| --[^ ]*\)* \(.*\) \\$/\2/p')"
libraries=()
for package in "${packages[@]}"; do [ "$package" = ca-certificates ] || libraries+=("$package"); done
apt-cache depends --recurse --installed --no-{recommends,suggests,conflicts,breaks,replaces,enhances} "${libraries[@]}" |
  grep '^[a-z]' | sort -u > "$work/packages"

rm -rf "$root"
mkdir -p "$root"/{usr/lib,usr/lib64,usr/local/bin,etc/ssl/certs,models,proc,dev,tmp}
ln -s usr/lib "$root/lib"
ln -s usr/lib64 "$root/lib64"
xargs dpkg -L < "$work/packages" | grep -E '^(/usr)?/lib(64)?/.*\.so(\.|$)|^/etc/' | sort -u |
  while read -r file; do if [ ! -d "$file" ]; then echo "$file"; fi; done |
  tar --create --directory=/ --no-recursion --files-from=- 2>/dev/null |
  tar --extract --directory="$root" --keep-directory-symlink
cp "$aspired" "$root/usr/local/bin/aspired"
cp /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/"
cp /usr/share/libc-bin/nsswitch.conf "$root/etc/"
# As in Debian's image: the image's user has no line.
printf 'root:x:0:0:root:/root:/bin/bash\n' > "$root/etc/passwd"

missing=$(ldd "$aspired" | grep -oE '(=> )?/[^ ]+' | sed 's/^=> //' | while read -r library; do
  [ -e "$root$library" ] || echo "$library"
done)
[ -z "$missing" ] || fail "not in the packages that the Dockerfile installs: $missing"
if ldd "$aspired" | grep -E 'not found|libswift|libFoundation|libdispatch'; then fail "the Swift library is not linked statically"; fi
say "files: Debian $release, $(wc -l < "$work/packages") packages by ${libraries[*]}; all $(ldd "$aspired" | wc -l) libraries are among them"

# A pull in it.

if [ "$(id -u)" != 0 ] || ! unshare --mount true 2>/dev/null; then
  say "pull: skipped, a root of its own takes root's rights"
  exit 0
fi
certify() { openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 "$@" 2>/dev/null; }
certify -keyout "$work/ca.key" -out "$work/ca.pem" -subj '/CN=an authority for this test' -addext 'keyUsage=critical,keyCertSign'
certify -keyout "$work/server.key" -out "$work/server.pem" -subj "/CN=$host" -addext "subjectAltName=DNS:$host" \
  -addext 'basicConstraints=critical,CA:FALSE' -CA "$work/ca.pem" -CAkey "$work/ca.key"

version=$work/bucket/models/mnist/1
mkdir -p "$version/variables"
printf 'a model' > "$version/saved_model.pb"
head -c 20000000 /dev/urandom > "$version/variables/variables.data-00000-of-00001"
rclone serve s3 --config= --auth-key KEY,SECRET --addr 127.0.0.1:0 --cert "$work/server.pem" --key "$work/server.key" \
  "$work/bucket" 2> "$work/server.log" &
server=$!
for _ in $(seq 100); do
  port=$(sed -n 's/.*Starting s3 server on \[https:.*:\([0-9]*\)\/\].*/\1/p' "$work/server.log")
  if [ -n "$port" ]; then break; fi
  sleep 0.1
done
[ -n "$port" ] || fail "rclone does not serve: $(cat "$work/server.log")"

# What an engine mounts over the image.
printf '127.0.0.1 localhost %s\n' "$host" > "$root/etc/hosts"
cp "$work/ca.pem" "$root/etc/ca.pem"
mkdir "$work/volume"
chown "$user" "$work/volume"

# Runs `aspired once` in the root, with the variables given. Everything mounted goes with its namespace.
pull() {
  unshare --mount bash -euc '
    root=$1 volume=$2 user=$3; shift 3
    mount --bind "$root" "$root"
    mount --bind "$volume" "$root/models"
    mount --bind /proc "$root/proc"
    mount -t tmpfs -o size=64k,mode=755 tmpfs "$root/dev"
    for device in null zero random urandom; do touch "$root/dev/$device"; mount --bind "/dev/$device" "$root/dev/$device"; done
    mount -o remount,bind,ro "$root"
    if touch "$root/tmp/probe" 2>/dev/null; then echo "the root can be written" >&2; exit 1; fi
    exec env -i "$@" "$(command -v chroot)" --userspec="$user" "$root" /usr/local/bin/aspired once
  ' pull "$root" "$work/volume" "$user" ASPIRED_MODEL='mnist=s3://models/mnist?ready=none' ASPIRED_LOG_FORMAT=text \
    AWS_ENDPOINT_URL="https://$host:$port" AWS_REGION=us-east-1 AWS_ACCESS_KEY_ID=KEY AWS_SECRET_ACCESS_KEY=SECRET "$@"
}

status=0
pull 2> "$work/refused.log" || status=$?
refusal=$(grep -- --s3-ca-file "$work/refused.log" | tail -n 1) || true
[ "$status" = 69 ] && [ -n "$refusal" ] ||
  fail "without the authority: exit code $status, not 69 and a remedy: $(cat "$work/refused.log")"
[ -z "$(ls "$work/volume/mnist")" ] || fail "something was published from a server that is not trusted"
say "pull from https://$host, whose authority is unknown: exit code 69; ${refusal#* error }"

pull AWS_CA_BUNDLE=/etc/ca.pem 2> "$work/pull.log" || fail "the pull failed ($?): $(cat "$work/pull.log")"
diff -r "$work/bucket/models/mnist" "$work/volume/mnist" || fail "the volume is not the bucket"
[ "$(stat -c %u:%g "$work/volume/mnist/1/saved_model.pb")" = "$user" ] || fail "the files are not those of $user"
say "pull with AWS_CA_BUNDLE, by chroot as $user, root read-only: exit code 0, byte for byte"
