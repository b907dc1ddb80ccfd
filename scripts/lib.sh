# Shared by the scripts of this folder; sourced, never run.
# shellcheck shell=bash
set -euo pipefail

root_dir=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
export root_dir

say() { printf '==> %s\n' "$*"; }

die() {
  printf '%s: error: %s\n' "$(basename "$0")" "$*" >&2
  exit 1
}

# need_root PURPOSE: everything that starts containers or installs packages has to be root.
need_root() {
  [ "$(id -u)" -eq 0 ] || die "$1 needs root; run it as root or with sudo"
}

# missing_packages NAME...: those that dpkg does not know as installed, one a line.
missing_packages() {
  local name
  local -A installed=()
  while read -r name; do
    installed[$name]=1
  done < <(dpkg-query --show --showformat='${db:Status-Abbrev} ${Package}\n' "$@" 2>/dev/null |
    sed -n 's/^[ih]i *//p')
  for name in "$@"; do
    [ -n "${installed[$name]:-}" ] || printf '%s\n' "$name"
  done
}

# apt_has_lists: whether the package lists are there; a fresh image comes without them.
apt_has_lists() {
  compgen -G '/var/lib/apt/lists/*_Packages*' >/dev/null
}

# build_release [CMAKE-OPTION...]: configures and builds the Release tree in build/release.
build_release() {
  say "building (Release) in build/release"
  (cd "$root_dir" && cmake --preset release "$@" >/dev/null && cmake --build --preset release)
}
