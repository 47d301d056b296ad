"""What the doctor reads of others: stored readings, which are then judged; answers of aesmd, engines and a cluster."""

import json

from caisson.doctor import CHECKS, Purpose, examine, read_readings, write_readings
from caisson.doctor.aesm import answer
from caisson.doctor.cluster_answers import parse_nodes, parse_plugins, parse_webhooks
from caisson.doctor.engine_answers import parse_docker, parse_podman, parse_swarm
from caisson.doctor.quote_provider import parse_aesmd_configuration, parse_quote_provider
from caisson.doctor.sensors.machine import command_line, cpu_info, memory


def check(raw):
    """Read it as all of them; what the first byte says is left out of it."""
    if not raw:
        return
    kind, rest = raw[0] % 6, raw[1:]
    text = rest.decode(errors="replace")
    match kind:
        case 0:
            readings = read_readings(rest)
            assert read_readings(write_readings(readings)) == readings
            examine(readings, Purpose, checks=CHECKS)
        case 1:
            assert 0 <= answer(rest) < 1 << 32
        case 2:
            found = parse_quote_provider("/etc/sgx_default_qcnl.conf", text)
            assert (found.pccs_url is None) <= (found.problem is not None)
            parse_aesmd_configuration("/etc/aesmd.conf", text)
        case 3:
            try:
                document = json.loads(text)
            except (ValueError, RecursionError):
                return
            if isinstance(document, list):
                parse_swarm(document)
            else:
                parse_docker(document, local=True)
        case 4:
            parse_podman(text)
        case _:
            parse_nodes(text), parse_plugins(text), parse_webhooks(text)
            cpu_info(text), memory(text), command_line(text)
