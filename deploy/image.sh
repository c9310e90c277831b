#!/bin/sh
# Builds the image, starts it as compose does, and checks that it serves. `make image` calls it in the repository.
#   BUILDER  docker, podman or buildah; by default the first of them that works
#   BASE, EXTRAS, PIP_INDEX_URL  build arguments of deploy/Dockerfile
set -eu
IMAGE=${IMAGE:-collateral}
NAME=collateral-check-$$
# buildah starts the server in the network of the host.
SERVER=127.0.0.1:${PORT:-50051}

works() {
  case $1 in
  buildah) command -v buildah ;;
  *) command -v "$1" && "$1" info ;;
  esac >/dev/null 2>&1
}

if [ -z "${BUILDER:-}" ]; then
  for one in docker podman buildah; do
    if works $one; then BUILDER=$one; break; fi
  done
fi
[ -n "${BUILDER:-}" ] || { echo "docker, podman or buildah is needed, and none of them works" >&2; exit 1; }

# Without a daemon and namespaces, as inside another container, buildah needs chroot and plain folders.
storage="--storage-driver ${STORAGE:-vfs}"
isolation="--isolation ${ISOLATION:-chroot}"

build() {
  set -- --file deploy/Dockerfile --tag "$IMAGE" ${BASE:+--build-arg "BASE=$BASE"} \
    ${EXTRAS+--build-arg "EXTRAS=$EXTRAS"} ${PIP_INDEX_URL:+--build-arg "PIP_INDEX_URL=$PIP_INDEX_URL"} .
  case $BUILDER in
  buildah) buildah $storage build $isolation --format docker "$@" ;;
  *) "$BUILDER" build "$@" ;;
  esac
}

start() {
  case $BUILDER in
  buildah)
    buildah $storage from --name "$NAME" "$IMAGE" >/dev/null
    buildah $storage run $isolation "$NAME" -- sh -c "echo \$\$ >/tmp/pid
      exec collateral serve --address $SERVER --business-date 2022-06-01" &
    server=$!
    ;;
  *)
    "$BUILDER" run --detach --name "$NAME" --read-only --tmpfs /tmp --cap-drop ALL \
      --security-opt no-new-privileges "$IMAGE" \
      collateral serve --address "$SERVER" --business-date 2022-06-01 >/dev/null
    ;;
  esac
}

inside() {
  case $BUILDER in
  buildah) buildah $storage run $isolation --env "COLLATERAL_SERVER=$SERVER" "$NAME" -- "$@" ;;
  *) "$BUILDER" exec --env "COLLATERAL_SERVER=$SERVER" "$NAME" "$@" ;;
  esac
}

stop() {
  case $BUILDER in
  buildah)
    inside sh -c 'kill "$(cat /tmp/pid)"' || true
    wait "$server" 2>/dev/null || true
    buildah $storage rm "$NAME" >/dev/null
    ;;
  *) "$BUILDER" rm --force --volumes "$NAME" >/dev/null ;;
  esac
}

check() { # sentence, command…
  sentence=$1
  shift
  if "$@"; then echo "ok: $sentence"; else
    echo "FAILED: $sentence" >&2
    exit 1
  fi
}

is_healthy() {
  for _ in $(seq 60); do
    inside collateral health >/dev/null 2>&1 && return 0
    sleep 1
  done
  return 1
}
has_no_loan() { [ "$(inside collateral loan show none 2>&1 | grep -c 'loans/none does not exist')" -eq 1 ]; }
is_not_root() { [ "$(inside id -u)" -ne 0 ]; }
writes() { inside sh -c "touch $1/written && rm $1/written" 2>/dev/null; }
writes_nowhere_else() { ! writes / && ! writes /opt/collateral && ! writes /etc && ! writes /var; }

begun=$(date +%s)
build
echo "built $IMAGE in $(($(date +%s) - begun)) s"
trap stop EXIT
start
check "the health command finds it serving" is_healthy
check "collateral --version works" inside collateral --version
check "GetLoan is answered from an empty book" has_no_loan
check "it does not run as root" is_not_root
check "it writes to its data folder" writes /data
check "it cannot write elsewhere" writes_nowhere_else
