#!/usr/bin/env bash
# Fetch the vendored browser files anew from npm and check them against checksums.txt.
# Run after changing a version here; then write the new sums with: ./update.sh --record
set -euo pipefail
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

npm pack --silent --pack-destination "$work" leaflet@1.9.4 >/dev/null
tar -xzf "$work"/leaflet-1.9.4.tgz -C "$work"
mkdir -p leaflet/images
# The map file named in the last line is not shipped, so the line would be a dead request.
sed '/^\/\/# sourceMappingURL=/d' "$work/package/dist/leaflet.js" > leaflet/leaflet.js
cp "$work/package/dist/leaflet.css" "$work/package/LICENSE" leaflet/
cp "$work/package/dist/images/layers.png" "$work/package/dist/images/layers-2x.png" leaflet/images/

if [ "${1:-}" = "--record" ]; then
    find leaflet -type f | LC_ALL=C sort | xargs sha256sum > checksums.txt
fi
sha256sum --check --quiet checksums.txt
