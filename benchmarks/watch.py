"""What ``gdcli watch`` costs: loops timed by themselves, under Python and under gdcli, one after the other.

``python benchmarks/watch.py`` prints for each loop the best of five of both, and their ratio.
"""

import re
import subprocess
import sys
import tempfile
from pathlib import Path

LOOPS = {
    "one number, by hand (2000 iterations)": """
def f(x):
    return (x - 1.5)**2
x = torch.tensor(4., requires_grad=True)
started = time.perf_counter()
for i in range(2000):
    y = f(x)
    y.backward()
    text = f'iteration {i}, x {x}, loss {y}, grad {x.grad}'
    with torch.no_grad():
        x -= 0.001 * x.grad
    x.grad.zero_()
""",
    "one million weights (200 iterations)": """
model = torch.nn.Sequential(torch.nn.Linear(784, 1000), torch.nn.ReLU(), torch.nn.Linear(1000, 200), torch.nn.ReLU(),
                            torch.nn.Linear(200, 10))
optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
inputs, classes = torch.randn(64, 784), torch.randint(0, 10, (64,))
optimizer.step()
started = time.perf_counter()
for i in range(200):
    optimizer.zero_grad()
    torch.nn.functional.cross_entropy(model(inputs), classes).backward()
    optimizer.step()
""",
}


def seconds(*words: str) -> float:
    """The seconds that the loop of a script says it took."""
    done = subprocess.run([sys.executable, *words], capture_output=True, text=True, check=True)
    return float(re.findall(r"^seconds (\S+)$", done.stdout, re.MULTILINE)[0])


for name, loop in LOOPS.items():
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "loop.py"
        script.write_text(f"import time\nimport torch\n{loop}print('seconds', time.perf_counter() - started)\n")
        alone, watched = [], []
        for _ in range(5):
            alone.append(seconds(str(script)))
            watched.append(seconds("-m", "gdcli", "watch", str(script)))
    print(f"{name}: {min(alone):.3f} s alone, {min(watched):.3f} s watched, {min(watched) / min(alone):.2f}x")
