# Keep the plugins that the broker's core needs, by its own application files; move the rest aside.
plugins=$(echo /usr/lib/rabbitmq/lib/rabbitmq_server-*/plugins)
needed="rabbit rabbitmq_prelaunch"
todo=$needed
while [ -n "$todo" ]; do
    next=""
    for app in $todo; do
        file=$(ls "$plugins/$app"-*/ebin/"$app".app 2>/dev/null || true)
        [ -n "$file" ] || continue
        # the words of {applications,[a,b,...]}, which may span lines
        for dep in $(tr -d ' \n\t' < "$file" | sed -n 's/.*{applications,\[\([^]]*\)\].*/\1/p' | tr ',' ' ' | tr -d "'"); do
            case " $needed " in *" $dep "*) ;; *) needed="$needed $dep"; next="$next $dep" ;; esac
        done
    done
    todo=$next
done
mkdir -p "$plugins-unused"
for folder in "$plugins"/*; do
    app=$(basename "$folder"); app=${app%-*}
    case " $needed " in *" $app "*) ;; *) mv "$folder" "$plugins-unused/" ;; esac
done
