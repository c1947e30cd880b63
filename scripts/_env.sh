# shellcheck shell=bash
# What every script needs, installed once: Debian packages, .venv, the pinned Python packages.
#
#   . "$(dirname -- "${BASH_SOURCE[0]}")/_env.sh"
#   env_runtime        what the product needs to run
#   env_dev            the same, and what its checks and tests need
#
# Afterwards $SITING_ROOT is the checkout, $SITING_VENV its virtual environment and
# $SITING_PYTHON the interpreter in it. Does nothing, quickly, when nothing is missing; says what it
# installs otherwise, on standard error. With a database of your own (DATABASE_URL) no server is
# installed.

set -euo pipefail

SITING_ROOT="$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd -P)"
SITING_VENV="$SITING_ROOT/.venv"
SITING_PYTHON="$SITING_VENV/bin/python"
#: Why tests of a marker cannot run here; scripts/test leaves them out and says so.
SITING_NO_BROWSER=""
# Compiled once and kept in .venv: without it every process compiles all it imports, some seconds.
unset PYTHONDONTWRITEBYTECODE

_say() { printf '· %s\n' "$*" >&2; }

_die() {
    printf 'error: %s\n' "$1" >&2
    [ -z "${2:-}" ] || printf 'mend:  %s\n' "$2" >&2
    exit 1
}

# ---------------------------------------------------------------- Debian and Ubuntu packages

_apt() {
    local -a command=(env DEBIAN_FRONTEND=noninteractive apt-get -y -q
        -o DPkg::Lock::Timeout=600 -o Dpkg::Options::=--force-confold "$@")
    if [ "$(id -u)" != 0 ]; then
        if [ -t 0 ]; then command=(sudo "${command[@]}"); else command=(sudo -n "${command[@]}"); fi
    fi
    local log status=0
    log="$(mktemp)"
    "${command[@]}" >"$log" 2>&1 </dev/null || status=$?
    [ "$status" = 0 ] || tail -n 5 "$log" >&2
    rm -f -- "$log"
    return "$status"
}

_can_install() {
    command -v apt-get >/dev/null || return 1
    [ "$(id -u)" = 0 ] && return 0
    command -v sudo >/dev/null || return 1
    [ -t 0 ] || sudo -n true 2>/dev/null
}

_as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

_SITING_APT_UPDATED=""

# Install packages, or fail with 1; $1 says what they are for.
_install_packages() {
    local purpose="$1"
    shift
    _can_install || return 1
    _say "installing $* ($purpose)"
    if [ -z "$_SITING_APT_UPDATED" ]; then
        # The lock of the package lists has no time-out of its own: ask again for two minutes.
        local try
        for try in 1 2 3 4 5 6 7 8; do
            if _apt update; then break; fi
            [ "$try" = 8 ] || sleep 15
            [ -n "$(_lock_holder)" ] || break
        done
        _SITING_APT_UPDATED=yes
    fi
    _apt install --no-install-recommends "$@"
}

_lock_holder() {
    command -v fuser >/dev/null || return 0
    fuser /var/lib/apt/lists/lock /var/lib/dpkg/lock-frontend 2>/dev/null || true
}

_has_postgis() {
    local control
    for control in /usr/share/postgresql/*/extension/postgis.control; do
        [ -e "$control" ] || continue
        control="${control#/usr/share/postgresql/}"
        [ -x "/usr/lib/postgresql/${control%%/*}/bin/initdb" ] && return 0
    done
    return 1
}

# The product runs a private server on a socket of its own; Debian's default cluster on port 5432
# is not wanted, so its creation is switched off for the time of this installation only.
_need_postgis() {
    [ -z "${SITING_DATABASE_URL:-${DATABASE_URL:-}}" ] || return 0
    ! _has_postgis || return 0
    local conf=/etc/postgresql-common/createcluster.conf line='create_main_cluster = false'
    local mend="as root: apt-get update && apt-get install postgresql-postgis"
    mend="$mend; or set DATABASE_URL to a PostGIS server of your own"
    _install_packages "database tools" postgresql-common ||
        _die "PostgreSQL with PostGIS is missing and could not be installed" "$mend"
    local switched=""
    if [ -e "$conf" ] && ! grep -q '^[[:space:]]*create_main_cluster' "$conf"; then
        printf '%s\n' "$line" | _as_root tee -a "$conf" >/dev/null
        switched=yes
    fi
    local status=0
    _install_packages "private database server" postgresql-postgis || status=$?
    [ -z "$switched" ] || _as_root sed -i "/^$line\$/d" "$conf"
    [ "$status" = 0 ] && _has_postgis ||
        _die "PostgreSQL with PostGIS is missing and could not be installed" "$mend"
}

# ---------------------------------------------------------------- Python

_python_is_new_enough() {
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1
}

_find_python() {
    local candidate
    for candidate in "${PYTHON:-}" python3 python3.13 python3.12 python3.11 python; do
        [ -n "$candidate" ] || continue
        if _python_is_new_enough "$candidate"; then
            printf '%s\n' "$candidate"
            return 0
        fi
    done
    return 1
}

_make_venv() {
    local python
    if ! python="$(_find_python)"; then
        _install_packages "Python" python3 python3-venv || true
        python="$(_find_python)" ||
            _die "Python 3.11 or newer is missing" "apt-get install python3, or PYTHON=/path/to/python3.11 $0"
    fi
    if ! "$python" -c 'import ensurepip, venv' >/dev/null 2>&1; then
        local version
        version="$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')"
        _install_packages "virtual environments" "python$version-venv" ||
            _install_packages "virtual environments" python3-venv ||
            _die "Python's venv module is missing" "as root: apt-get install python3-venv"
    fi
    _say "creating .venv with $("$python" --version)"
    "$python" -m venv "$SITING_VENV" || _die "could not create $SITING_VENV" "check the disk and the rights on the folder"
}

# A virtual environment holds absolute paths: one that was moved or whose Python went is rebuilt.
_venv_is_sound() {
    [ -x "$SITING_PYTHON" ] && _python_is_new_enough "$SITING_PYTHON" &&
        grep -qF -- "$SITING_VENV" "$SITING_VENV/bin/activate" 2>/dev/null
}

# uv reads its own settings, not pip's: hand on the index, certificates and proxy set for pip.
_pip_settings_for_uv() {
    "$SITING_PYTHON" - "$("$SITING_PYTHON" -m pip config list 2>/dev/null)" <<'PYTHON'
import ast, os, shlex, sys

settings = {}
for line in sys.argv[1].splitlines():
    key, _, value = line.partition("=")
    section, _, name = key.rpartition(".")
    if section in ("global", "install", ":env:"):
        settings[name] = " ".join(ast.literal_eval(value).split())
names = {"index-url": "UV_DEFAULT_INDEX", "extra-index-url": "UV_EXTRA_INDEX_URL",
         "cert": "SSL_CERT_FILE", "proxy": "ALL_PROXY", "trusted-host": "UV_INSECURE_HOST",
         "default-timeout": "UV_HTTP_TIMEOUT", "timeout": "UV_HTTP_TIMEOUT"}
found = {uv: settings[pip] for pip, uv in names.items() if settings.get(pip)}
# Certificates the administrator added to the system count; uv's own list does not hold them.
system = "/etc/ssl/certs/ca-certificates.crt"
if os.path.exists(system):
    found.setdefault("SSL_CERT_FILE", system)
if settings.get("find-links"):
    found["UV_FIND_LINKS"] = settings["find-links"].replace(" ", ",")
if settings.get("no-index", "").lower() in ("1", "true", "yes", "on"):
    found["UV_NO_INDEX"] = "1"
for name, value in found.items():
    if name not in os.environ:
        print(f"export {name}={shlex.quote(value)}")
PYTHON
}

# uv comes from the same hashed file as everything else.
_need_uv() {
    local pins status=0
    [ ! -x "$SITING_VENV/bin/uv" ] || return 0
    pins="$(mktemp)"
    awk '/^[a-z]/ { keep = /^uv==/ } keep' "$SITING_ROOT/requirements-dev.txt" >"$pins"
    "$SITING_PYTHON" -m pip install -q --disable-pip-version-check --no-input \
        --require-hashes -r "$pins" >&2 || status=$?
    rm -f -- "$pins"
    return "$status"
}

_install_requirements() {
    local file="$SITING_ROOT/$1"
    local mend="check the network, or set an index mirror (pip config set global.index-url …), then repeat"
    _say "installing the Python packages of $1"
    if _need_uv; then
        (
            eval "$(_pip_settings_for_uv)"
            export UV_PYTHON_DOWNLOADS=never UV_NO_CONFIG=1
            cd -- "$SITING_ROOT"
            set -- pip install --quiet --python "$SITING_PYTHON"
            "$SITING_VENV/bin/uv" "$@" --index-strategy unsafe-best-match --require-hashes -r "$file" &&
                "$SITING_VENV/bin/uv" "$@" --no-deps --no-build-isolation --offline -e .
        ) >&2 && return 0
        _say "uv could not install them; trying pip"
    else
        _say "uv cannot be had; using pip, which takes a few minutes"
    fi
    local -a pip=("$SITING_PYTHON" -m pip install -q --disable-pip-version-check --no-input)
    "${pip[@]}" --require-hashes -r "$file" >&2 || _die "the packages of $1 could not be installed" "$mend"
    "${pip[@]}" --no-deps --no-build-isolation -e "$SITING_ROOT" >&2 ||
        _die "the project itself could not be installed into .venv" "remove .venv and repeat"
}

# $1: requirements.txt or requirements-dev.txt. The stamp holds what was installed last.
_need_packages() {
    local file="$1" want stamp="$SITING_VENV/.installed-$1"
    want="$(cd -- "$SITING_ROOT" && sha256sum pyproject.toml "$file")"
    if [ -e "$stamp" ] && [ "$(<"$stamp")" = "$want" ] && [ -x "$SITING_PYTHON" ] &&
        grep -qF -- "$SITING_VENV" "$SITING_VENV/bin/activate"; then
        return 0
    fi
    mkdir -p -- "$SITING_ROOT/.cache"
    (
        # Two scripts started at once must not install into one environment at the same time.
        if command -v flock >/dev/null; then flock 9; fi
        if ! _venv_is_sound; then
            rm -rf -- "$SITING_VENV"
            _make_venv
        fi
        if [ ! -e "$stamp" ] || [ "$(<"$stamp")" != "$want" ]; then
            _install_requirements "$file"
            printf '%s\n' "$want" >"$stamp"
        fi
    ) 9>"$SITING_ROOT/.cache/install.lock"
}

# ---------------------------------------------------------------- what the scripts call

env_runtime() {
    _need_postgis
    # What development needs contains what running needs.
    if [ -e "$SITING_VENV/.installed-requirements-dev.txt" ]; then
        _need_packages requirements-dev.txt
    else
        _need_packages requirements.txt
    fi
}

# Ubuntu's package of Chromium only points at a snap, which cannot be used headless from here.
_find_chromium() {
    local name path
    for name in chromium google-chrome-stable google-chrome chromium-browser; do
        path="$(command -v "$name")" || continue
        case "$(readlink -f -- "$path")" in *snap*) continue ;; esac
        grep -aqs -m1 -e '/snap/bin' -- "$path" && continue
        printf '%s\n' "$path"
        return 0
    done
    return 1
}

_need_chromium() {
    ! _find_chromium >/dev/null || return 0
    local candidate=""
    if command -v apt-cache >/dev/null; then
        [ -n "$_SITING_APT_UPDATED" ] || { _can_install && _apt update && _SITING_APT_UPDATED=yes; } || true
        candidate="$(apt-cache policy chromium 2>/dev/null | awk '/Candidate:/ { print $2 }')"
    fi
    case "$candidate" in
        "" | "(none)" | *snap*)
            SITING_NO_BROWSER="this distribution has no Chromium package of its own (a snap does not count)"
            ;;
        *)
            _install_packages "tests of the maps in a browser" chromium fonts-wqy-microhei &&
                _find_chromium >/dev/null || SITING_NO_BROWSER="Chromium could not be installed"
            ;;
    esac
    [ -z "$SITING_NO_BROWSER" ] || _say "browser tests cannot run: $SITING_NO_BROWSER"
}

env_dev() {
    _need_postgis
    _need_packages requirements-dev.txt
    command -v ogrinfo >/dev/null || _install_packages "tests against GDAL" gdal-bin ||
        _say "ogrinfo is missing (as root: apt-get install gdal-bin); the tests that read the service with GDAL are skipped"
    _need_chromium
}
