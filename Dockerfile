# The demo, or any other command, without an installation:
#   docker build -t pellucid .
#   docker run --rm -v "$PWD/out:/data" pellucid                                  (the demo, into out/demo)
#   docker run --rm -v "$PWD:/data" pellucid featurize images -o table.parquet
FROM python:3.11-slim AS wheel
WORKDIR /source
COPY . .
RUN pip install --no-cache-dir build && python -m build --outdir /wheels

FROM python:3.11-slim
# LightGBM's library is linked with GNU OpenMP, which the slim image lacks.
RUN apt-get update && apt-get install --yes --no-install-recommends libgomp1 && rm -rf /var/lib/apt/lists/*
RUN --mount=type=bind,from=wheel,source=/wheels,target=/wheels \
    pip install --no-cache-dir "$(ls /wheels/*.whl)[cpu,dicom,wfdb,edf,pdf]"
# Not root: what it writes into /data belongs to user 1000; `docker run --user "$(id -u)"` names another one.
# Compiled loops and fonts are kept in places that any user may write to.
RUN useradd --create-home --uid 1000 pellucid && install --directory --owner=pellucid /data
ENV NUMBA_CACHE_DIR=/tmp/numba MPLCONFIGDIR=/tmp/matplotlib
USER pellucid
WORKDIR /data
ENTRYPOINT ["pellucid"]
CMD ["demo", "images", "-o", "demo"]
