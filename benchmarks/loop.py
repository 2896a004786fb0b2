"""gdcli's own loop, so many recorded steps of a rule. Prints the seconds that the loop took."""

import sys
import time

import gdcli

optimizer, steps = sys.argv[1], int(sys.argv[2])
descent = gdcli.minimize("(x - 1.5)**2", x=4, lr=0.1, optimizer=optimizer, steps=steps)
started = time.perf_counter()
records = list(descent)
print(time.perf_counter() - started)
