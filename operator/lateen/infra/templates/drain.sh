# Ends a proxy gently: bash drain.sh DELAY LIMIT ADMIN-PORT STATUS-PORT. Runs before Envoy is told to stop.
#
# From now on the proxy says that it is not ready, answers with `connection: close`, or GOAWAY in HTTP/2, and goes on
# taking connections for DELAY seconds, because not everybody has heard yet that it leaves. Then it waits for its last
# connection to end, and for three seconds without a new one: while some come, a busy node sends them here still. All of
# it takes LIMIT seconds at most.
delay=$1 limit=$2 admin=$3 status=$4
quiet=$((delay < 3 ? delay : 3))

ask() {  # METHOD PATH → the answer
  local line
  exec 3<>"/dev/tcp/127.0.0.1/$admin" || return
  printf '%s %s HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: 0\r\n\r\n' "$1" "$2" >&3
  while IFS= read -r line <&3; do printf '%s\n' "${line%$'\r'}"; done
  exec 3>&-
}

connections() {  # how many there are, and how many there have been, without those that ask for status and statistics
  local line open=0 all=0
  while IFS= read -r line; do
    case $line in
      listener.admin.* | listener.*_"$status".* | *.worker_*) ;;
      listener.*.downstream_cx_active:\ *) open=$((open + ${line##*: })) ;;
      listener.*.downstream_cx_total:\ *) all=$((all + ${line##*: })) ;;
    esac
  done < <(ask GET '/stats?filter=downstream_cx_(active%7Ctotal)')
  echo "$open $all"
}

ask POST /healthcheck/fail > /dev/null
ask POST '/drain_listeners?graceful&skip_exit' > /dev/null
known=0 last=0
while ((SECONDS < limit)); do
  read -r open all < <(connections)
  ((all == known)) || known=$all last=$SECONDS
  ((open == 0 && SECONDS >= delay && SECONDS - last >= quiet)) && break
  sleep 1
done
