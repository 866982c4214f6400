# Read by deploy/install and deploy/upgrade: what both do.
# shellcheck shell=sh
# shellcheck disable=SC2034,SC2154 # what is set here is read there, and the other way round

HERE=$(cd -- "$(dirname -- "$0")" && pwd)
FROM=$(dirname -- "$HERE")
BASE=/opt/reserved
ETC=/etc/reserved
STATE=/var/lib/reserved
BACKUPS=/var/backups/reserved

say() { printf '%s\n' "· $*"; }

stop_with() {
    printf '\n' >&2
    printf '%s\n' "$@" >&2
    exit 1
}

need_root() {
    [ "$(id -u)" = 0 ] || stop_with "This changes the system: start it as root, or with sudo."
    [ -d /run/systemd/system ] || stop_with "systemd doesn't run here; the site's units need it."
}

# Writes standard input to a file, if it says anything new; tells by its status whether it did.
# Use: put MODE FILE
put() {
    # In a condition, which this mostly is, a shell goes on after what fails.
    if ! { draft=$(mktemp "$2.XXXXXX") && cat >"$draft" && chmod "$1" "$draft"; }; then
        stop_with "$2 could not be written."
    fi
    if cmp -s "$draft" "$2" && [ "$(stat -c %a "$2")" = "$1" ]; then
        rm -f "$draft"
        return 1
    fi
    mv -f "$draft" "$2" || stop_with "$2 could not be written."
}

# -- A release: the code of this checkout, and an environment of its own ----------------------

# Prints a name for the code that lies here: another code, another name.
release_name() {
    (
        cd -- "$FROM" || exit
        for part in app bin deploy docs evidence migrations static templates tests ./*.py ./*.txt \
            ./*.md ./*.toml; do
            [ ! -e "$part" ] || find "$part" -type f ! -name '*.pyc' ! -path '*/__pycache__/*' -print
        done | LC_ALL=C sort | tr '\n' '\0' | xargs -0 sha256sum | sha256sum | cut -c 1-12
    )
}

# Copies the code to where everybody may read and nobody but root may write, with what it needs.
# Does nothing where that was done. Sets `release`.
make_release() {
    name=$(release_name)
    release=$BASE/releases/$name
    if [ -e "$release/.ready" ] && "$release/.venv/bin/python" -c 'import flask' 2>/dev/null; then
        return 0
    fi
    say "Making the release $name in $release: the code, and Python's packages (a minute) …"
    mkdir -p "$BASE/releases"
    rm -rf "$release"
    mkdir "$release"
    set +e # "( … ) ||" would have the shell go on after what fails inside
    (
        set -e
        umask 022
        cd -- "$FROM"
        for part in app bin deploy docs evidence migrations static templates tests ./*.py ./*.txt \
            ./*.md ./*.toml; do
            [ ! -e "$part" ] || cp -R "$part" "$release/"
        done
        cd -- "$release"
        find . -name __pycache__ -type d -prune -exec rm -rf {} +
        python3 -m venv .venv
        .venv/bin/python -m pip install -qq --no-input --disable-pip-version-check \
            -r requirements.txt
        # The services may not write here, so that it is compiled now or never.
        .venv/bin/python -m compileall -q -j 0 app migrations wsgi.py
        chmod -R u=rwX,go=rX .
        : >.ready
    )
    made=$?
    set -e
    [ "$made" = 0 ] || stop_with "The release could not be made; what went wrong is above." \
        "Nothing was changed for the site. Start this again when it is mended."
}

# Makes a release the present one. The one before stays beside it, for the way back.
switch_to() {
    leaving=$(readlink "$BASE/current" || true)
    [ "$leaving" != "$1" ] || return 0
    ln -sfn "$1" "$BASE/current.new"
    mv -fT "$BASE/current.new" "$BASE/current"
    [ -z "$leaving" ] || ln -sfn "$leaving" "$BASE/former"
}

# Removes all releases but these two: thousands of small files, so not while nobody is served.
forget_old_releases() {
    for old in "$BASE"/releases/*; do
        case $old in "$(readlink "$BASE/current")" | "$(readlink "$BASE/former")") ;; *) rm -rf "$old" ;; esac
    done
}

# -- Units and configuration ------------------------------------------------------------------

# Prints the lines of `listen` for a port. Use: listen PORT [WORDS]
listen() {
    if [ -n "${LISTEN:-}" ]; then
        printf '        listen %s:%s%s;\n' "$LISTEN" "$1" "${2:+ $2}"
    else
        printf '        listen %s%s;\n' "$1" "${2:+ $2}"
        # Where the kernel knows no IPv6, nginx would refuse to start.
        [ ! -e /proc/net/if_inet6 ] || printf '        listen [::]:%s%s;\n' "$1" "${2:+ $2}"
    fi
}

# Prints the proxy's configuration for the address of the site.
proxy_conf() {
    authority=${SITE_URL#https://}
    authority=${authority%%/*}
    host=${authority%%:*}
    port=${authority#"$host"}
    port=${port#:}
    # nginx 1.25 has another word for HTTP/2, and complains about the former one.
    tls="ssl http2" apart=
    case $(/usr/sbin/nginx -v 2>&1) in
    */1.[0-9].* | */1.1[0-9].* | */1.2[0-4].*) ;;
    *) tls=ssl apart="        http2 on;" ;;
    esac
    listen 80 default_server >"$scratch/LISTEN_HTTP_DEFAULT"
    listen "${port:-443}" "$tls default_server" >"$scratch/LISTEN_HTTPS_DEFAULT"
    listen 80 >"$scratch/LISTEN_HTTP"
    {
        listen "${port:-443}" "$tls"
        [ -z "$apart" ] || printf '%s\n' "$apart"
    } >"$scratch/LISTEN_HTTPS"
    script=
    for part in LISTEN_HTTP_DEFAULT LISTEN_HTTPS_DEFAULT LISTEN_HTTP LISTEN_HTTPS; do
        script="$script
/^@$part@\$/{
r $scratch/$part
d
}"
    done
    sed -e "$script" -e "s|@HOST@|$host|g" -e "s|@AUTHORITY@|$authority|g" \
        "$HERE/nginx.conf"
}

# Puts everything that services read into place. Sets `changed` to the units to restart.
put_configuration() {
    changed=
    units=
    for unit in "$HERE"/units/*.*; do
        [ -f "$unit" ] || continue
        one=$(basename "$unit")
        if sed "s|@QUEUE_SERVER@|$queue_server|" "$unit" | put 644 "/etc/systemd/system/$one"; then
            units=yes
            case $one in *.service) changed="$changed $one" ;; esac
        fi
    done
    mkdir -p /etc/systemd/system/reserved-.service.d
    if put 644 /etc/systemd/system/reserved-.service.d/sandbox.conf \
        <"$HERE/units/reserved-.service.d/sandbox.conf"; then
        units=yes
        changed="reserved-queue.service reserved-web.service reserved-worker.service reserved-proxy.service"
    fi
    if put 644 /etc/systemd/journald@reserved.conf <"$HERE/journald.conf"; then
        systemctl try-restart systemd-journald@reserved.service
    fi
    put 644 "$ETC/queue.conf" <"$HERE/queue.conf" && changed="$changed reserved-queue.service"
    put 644 "$ETC/back-shortly.html" <"$HERE/back-shortly.html" || true
    proxy_conf | put 644 "$ETC/nginx.conf" && changed="$changed reserved-proxy.service"
    put 755 /usr/local/bin/reserved <"$HERE/reserved" || true
    [ -z "$units" ] || systemctl daemon-reload
}

# Waits until the site says, by way of the proxy, that it and its databases answer.
wait_until_ready() {
    address=${SITE_URL#https://}
    address=${address%%/*}
    case $address in *:*) ;; *) address=$address:443 ;; esac
    tries=0
    # Its certificate may be one that only this machine knows, so far.
    until answer=$(curl --silent --insecure --max-time 5 --noproxy '*' \
        --resolve "$address:${LISTEN:-127.0.0.1}" "$SITE_URL/readyz") && [ "$answer" = ready ]; do
        tries=$((tries + 1))
        [ "$tries" -lt 60 ] || stop_with "The site doesn't answer: ${answer:-not a word}" \
            "What it says: journalctl --namespace=reserved -n 50"
        sleep 0.5
    done
}
