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
  --device intel.com/sgx=enclave \
  --volume /dev/sgx_enclave:/dev/sgx_enclave:dev,exec \
  --group-add "$(stat -L -c %g /dev/sgx_enclave)" \
  --mount type=bind,source=/var/run/aesmd,target=/var/run/aesmd \
  --publish 127.0.0.1:6379:6379 \
  --network backend \
  --env 'CAISSON_KEY_SERVER=https://keys.example:8443/$x' \
  --env CAISSON_WORKLOAD=other \
  --label org.caisson.workload=other \
  --memory 536870912b \
  --cpus 1.5 \
  --health-cmd '["CMD", "/bin/check", "it'"'"'s $HOME"]' \
  --health-interval 10s \
  --health-timeout 5s \
  --health-start-period 30s \
  --health-retries 3 \
  registry.example/redis@sha256:abababababababababababababababababababababababababababababababab
