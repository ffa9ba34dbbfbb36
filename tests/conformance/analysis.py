# SPDX-License-Identifier: Apache-2.0
"""numpy and pandas: linear algebra with its threads, FFT, grouping, time series, text."""

import io

import numpy as np
import pandas as pd

random = np.random.default_rng(3)
matrix = random.normal(size=(300, 300))
vector = random.normal(size=300)
print(np.allclose(matrix @ np.linalg.solve(matrix, vector), vector))
print(np.round(np.linalg.svd(matrix, compute_uv=False)[:3], 6))
signal = np.sin(np.arange(4096) / 10)
print(int(np.abs(np.fft.rfft(signal)).argmax()), np.allclose(np.fft.irfft(np.fft.rfft(signal)),
                                                             signal))
print(np.sort(random.integers(0, 1000, 20)), random.permutation(10), np.cumsum(range(5)))
print(np.round(np.exp(np.linspace(-5, 5, 7)), 9), np.array([1, 2], dtype="f2").tobytes())

times = pd.date_range("2024-01-01", periods=2000, freq="7min", tz="Europe/Berlin")
frame = pd.DataFrame({"t": times, "v": np.arange(2000) % 97, "k": list("abcd") * 500})
print(frame.groupby("k")["v"].agg(["mean", "max", "count"]))
print(frame.set_index("t")["v"].resample("1D").sum().head())
print(frame["v"].rolling(5).mean().tail(3).tolist(), frame["v"].describe().round(4).to_dict())
other = pd.DataFrame({"k": list("abe"), "name": ["A", "B", "E"]})
print(frame.merge(other, on="k", how="left")["name"].value_counts(dropna=False))
text = frame.head(50).to_csv(index=False)
print(pd.read_csv(io.StringIO(text), parse_dates=["t"]).equals(frame.head(0)), len(text))
print(frame.pivot_table(index="k", values="v", aggfunc="median"))
print(pd.Series(["Straße", "weg", None]).str.upper().tolist())
print(frame.memory_usage(deep=True).sum() > 0, pd.to_datetime("2024-02-29") + pd.DateOffset(years=1))
