#!/usr/bin/env bash
# clang-tidy over the sources in a build's compile_commands.json: tools/tidy.sh BUILD JOBS [pattern]
set -euo pipefail
build=$1 jobs=$2 pattern=${3:-.}
command -v clang-tidy >/dev/null || { echo "tidy: no clang-tidy. Run: apt-get install clang-tidy" >&2; exit 1; }
# Once per file: kernels that are compiled per instruction set appear several times, and g++'s own flags are unknown to clang.
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 - "$build/compile_commands.json" "$folder/compile_commands.json" "$pattern" <<'EOF' |
import json, re, sys
seen = {}
for entry in json.load(open(sys.argv[1])):
    if re.search(sys.argv[3], entry["file"]) and "/tests/" not in entry["file"]:
        entry["command"] = re.sub(r"^\S*ccache |-fno-semantic-interposition|-fno-plt|-fno-trapping-math", "", entry["command"])
        seen.setdefault(entry["file"], entry)
json.dump(list(seen.values()), open(sys.argv[2], "w"))
print("\n".join(seen))
EOF
  xargs -P "$jobs" -n 1 clang-tidy --quiet -p "$folder"
