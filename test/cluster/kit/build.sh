#!/usr/bin/env bash
# build.sh [NAME...]: builds the programs of the test cluster that are missing or of another version; all without names.
set -euo pipefail
kit=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
home=${CLUSTER_HOME:-${XDG_CACHE_HOME:-$HOME/.cache}/logstash-link-cluster}
bin=$home/bin
stamps=$bin/.stamps
all=(etcd kube-apiserver kube-controller-manager kubectl cert-manager kwok helm)

# What KUBEBUILDER_ASSETS holds is used as it is.
wanted=()
for name in "${@:-${all[@]}}"; do
  case $name in
  etcd | kube-apiserver | kubectl) if [ -x "${KUBEBUILDER_ASSETS:-}/$name" ]; then continue; fi ;;
  esac
  wanted+=("$name")
done
[ ${#wanted[@]} -gt 0 ] || exit 0

# Where Go's own installer puts it, for shells that were never told.
PATH=$PATH:/usr/local/go/bin
if ! command -v go >/dev/null; then
  missing=()
  for name in "${wanted[@]}"; do [ -x "$bin/$name" ] || missing+=("$name"); done
  # What was built once serves without Go; whether it is of the right version cannot be told then.
  [ ${#missing[@]} -gt 0 ] || exit 0
  echo "The test cluster needs Go 1.26 or later on the PATH (https://go.dev/dl) to build ${missing[*]} into $bin once." >&2
  exit 1
fi
mkdir -p "$stamps"
export CGO_ENABLED=0

in_module() { local module=$1; shift; (cd "$kit/modules/$module" && "$@"); }
version_of() { in_module "$1" go list -m -f '{{.Version}}' "$2"; }
source_of() { # source_of MODULE PATH: its folder in Go's module cache
  in_module "$1" go mod download "$2"
  in_module "$1" go list -m -f '{{.Dir}}' "$2"
}

go_version=$(go env GOVERSION)
told=
build() { # build MODULE VERSION NAME PACKAGE [LINKER FLAGS]
  local module=$1 version=$2 name=$3 package=$4 flags="-s -w ${5:-}" stamp from=$SECONDS
  stamp="$version $go_version $(in_module "$module" find . -type f | LC_ALL=C sort | (cd "$kit/modules/$module" && xargs cat) | cksum) $flags"
  if [ -x "$bin/$name" ] && [ "$stamp" = "$(cat "$stamps/$name" 2>/dev/null)" ]; then
    printf '%-24s %-8s there\n' "$name" "$version"
    return
  fi
  if [ -z "$told" ]; then
    echo "Building what is missing in $bin: once, about 35 CPU minutes with empty caches of Go (18 minutes on two cores)"
    told=yes
  fi
  # Aside first: a program that runs cannot be written to, and half a program must not look like one.
  in_module "$module" go build -trimpath -buildvcs=false -ldflags "$flags" -o "$bin/.$name.$$" "$package"
  mv "$bin/.$name.$$" "$bin/$name"
  echo "$stamp" >"$stamps/$name"
  printf '%-24s %-8s built in %s s\n' "$name" "$version" $((SECONDS - from))
}

# Unstamped binaries call themselves v0.0.0-master, which version skew checks and emulation versions reject.
kubernetes_flags() { # kubernetes_flags VERSION
  local minor=${1#v1.} package
  for package in k8s.io/component-base/version k8s.io/client-go/pkg/version; do
    echo "-X $package.gitVersion=$1 -X $package.gitMajor=1 -X $package.gitMinor=${minor%%.*} -X $package.gitTreeState=clean"
  done | tr '\n' ' '
}

cert_manager=github.com/cert-manager/cert-manager
kwok=sigs.k8s.io/kwok
helm=helm.sh/helm/v3
kubernetes_version=$(version_of kubernetes k8s.io/kubernetes)

for name in "${wanted[@]}"; do
  case $name in
  etcd) build kubernetes "$(version_of kubernetes go.etcd.io/etcd/server/v3)" etcd ./etcd ;;
  kube-apiserver | kube-controller-manager | kubectl)
    build kubernetes "$kubernetes_version" "$name" "k8s.io/kubernetes/cmd/$name" "$(kubernetes_flags "$kubernetes_version")"
    ;;
  cert-manager)
    version=$(version_of addons $cert_manager)
    build addons "$version" cert-manager ./cert-manager "-X $cert_manager/pkg/util.AppVersion=$version"
    mkdir -p "$home/manifests/cert-manager"
    install -m 644 "$(source_of addons $cert_manager)"/deploy/crds/*.yaml "$home/manifests/cert-manager/"
    ;;
  kwok)
    build addons "$(version_of addons $kwok)" kwok $kwok/cmd/kwok
    stages=$(source_of addons $kwok)/kustomize/stage
    for stage in node/fast/node-initialize node/heartbeat-with-lease/node-heartbeat-with-lease pod/fast/pod-ready pod/fast/pod-complete pod/fast/pod-delete; do
      cat "$stages/$stage.yaml"
      printf '\n---\n'
    done >"$home/manifests/.kwok-stages.$$"
    mv "$home/manifests/.kwok-stages.$$" "$home/manifests/kwok-stages.yaml"
    ;;
  helm)
    version=$(version_of addons $helm)
    minor=${kubernetes_version#v1.}
    minor=${minor%%.*}
    # Without a cluster `helm template` renders for Kubernetes 1.20 unless told otherwise.
    build addons "$version" helm $helm/cmd/helm "-X $helm/internal/version.version=$version -X $helm/pkg/chartutil.k8sVersionMajor=1 -X $helm/pkg/chartutil.k8sVersionMinor=$minor -X $helm/pkg/lint/rules.k8sVersionMajor=1 -X $helm/pkg/lint/rules.k8sVersionMinor=$minor"
    ;;
  *)
    echo "build.sh: expected one of: ${all[*]}, got '$name'" >&2
    exit 2
    ;;
  esac
done
