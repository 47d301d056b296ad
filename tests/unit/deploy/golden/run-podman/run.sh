#!/bin/sh
# Made by `caisson deploy run`.
set -eu
podman run --detach \
  --name redis \
  --user 101:102 \
  --read-only \
  --cap-drop ALL \
  --security-opt no-new-privileges \
  --ulimit core=0:0 \
  --restart unless-stopped \
  --tmpfs /run/caisson:mode=0700,U,noexec,nosuid,nodev \
  --tmpfs /tmp:mode=0700,U,noexec,nosuid,nodev \
  --mount type=bind,source=/srv/platform.sock,target=/run/caisson/platform.sock \
  --mount type=volume,source=caisson-redis-a-b,target=/a/b \
  --mount type=volume,source=caisson-redis-data,target=/data \
  --publish 0.0.0.0:6379:6379 \
  --env CAISSON_KEY_SERVER=https://keys.example:8443 \
  --label org.caisson.workload=redis \
  --health-cmd '["CMD", "/bin/check", "it'"'"'s $HOME"]' \
  --health-interval 10s \
  --health-timeout 5s \
  --health-start-period 30s \
  --health-retries 3 \
  registry.example/redis@sha256:abababababababababababababababababababababababababababababababab
