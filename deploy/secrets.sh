#!/bin/sh
# Makes the secrets of compose.yaml once: random passwords and tokens in deploy/secrets/, and the broker's password file.
# The folder is closed to others (0700); the files are readable, because Compose mounts each with its mode into a
# container whose user is another one. A secret that is there already is kept; delete a file to have it made anew.
set -eu
cd "$(dirname "$0")"
umask 077
mkdir -p secrets
for name in db_password mqtt_password viewer_token operator_token engineer_token; do
    [ -s "secrets/$name" ] || python3 -c 'import secrets; print(secrets.token_urlsafe(32), end="")' >"secrets/$name"
done
# mosquitto's own format: $7$ iterations $ salt $ PBKDF2-HMAC-SHA512 of the password, for the user `ems`.
python3 - >secrets/mosquitto_passwords <<'PY'
import base64
import hashlib
import os
from pathlib import Path

password, salt, rounds = Path("secrets/mqtt_password").read_bytes(), os.urandom(12), 101
digest = hashlib.pbkdf2_hmac("sha512", password, salt, rounds)
print(f"ems:$7${rounds}${base64.b64encode(salt).decode()}${base64.b64encode(digest).decode()}")
PY
chmod 0644 secrets/*
chmod 0700 secrets
printf '%s\n' "secrets: in deploy/secrets/; tokens for the page: viewer_token, operator_token, engineer_token"
