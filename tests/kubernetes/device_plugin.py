"""A device plugin for `sgx.intel.com/*`, another device standing in for SGX's. As a program it serves."""

import signal
import sys
import threading
from concurrent import futures
from pathlib import Path

import grpc

messages, services = grpc.protos_and_services("tests/kubernetes/device_plugin.proto")

DIRECTORY = Path("/var/lib/kubelet/device-plugins")
RESOURCES = {
    "sgx.intel.com/enclave": (20, "/dev/sgx_enclave"),
    "sgx.intel.com/provision": (20, "/dev/sgx_provision"),
}


class Plugin(services.DevicePluginServicer):
    """Offers a number of uses of one device."""

    def __init__(self, count, path, stand_in):
        self._count, self._path, self._stand_in = count, path, stand_in

    def GetDevicePluginOptions(self, request, context):  # noqa: N802, ARG002 - the API's names
        return messages.DevicePluginOptions()

    def ListAndWatch(self, request, context):  # noqa: N802, ARG002
        devices = [messages.Device(ID=str(number), health="Healthy") for number in range(self._count)]
        yield messages.ListAndWatchResponse(devices=devices)
        ended = threading.Event()
        context.add_callback(ended.set)
        ended.wait()

    def Allocate(self, request, context):  # noqa: N802, ARG002
        device = messages.DeviceSpec(container_path=self._path, host_path=self._stand_in, permissions="rw")
        answer = messages.ContainerAllocateResponse(devices=[device])
        return messages.AllocateResponse(container_responses=[answer for _ in request.container_requests])


def serve(stand_in):
    """Register every resource with the kubelet, and serve until SIGTERM."""
    running = []
    for resource, (count, path) in RESOURCES.items():
        name = resource.replace("/", "_") + ".sock"
        server = grpc.server(futures.ThreadPoolExecutor(4))
        services.add_DevicePluginServicer_to_server(Plugin(count, path, stand_in), server)
        server.add_insecure_port(f"unix://{DIRECTORY / name}")
        server.start()
        running.append(server)
        with grpc.insecure_channel(f"unix://{DIRECTORY / 'kubelet.sock'}") as channel:
            request = messages.RegisterRequest(version="v1beta1", endpoint=name, resource_name=resource)
            services.RegistrationStub(channel).Register(request)
    sys.stdout.write("registered\n")
    sys.stdout.flush()
    signal.sigwait({signal.SIGTERM})
    for server in running:
        server.stop(None)


if __name__ == "__main__":
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    serve(sys.argv[1])
