import sys, time
from pathlib import Path
from forensics.zoo.training import train_zoo

t = time.time()
train_zoo(int(sys.argv[2]), Path(sys.argv[3]), lambda n: print(n, round(time.time() - t, 1), flush=True))
