# One image for everything of ours: worker (the default command), API, simulator, and the jobs `resell migrate` and
# `resell setup`. What is installed is what requirements.txt locks, checked by hash. Builds with and without BuildKit.

# The Python that the tests run with. `make pythons` tries others (docs/containers.md).
ARG PYTHON_IMAGE=python:3.11.14-slim-bookworm

FROM ${PYTHON_IMAGE} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
RUN python -m venv /opt/resellflow && python -m venv /opt/build
WORKDIR /source

# Dependencies first: this layer stays until the lock changes.
COPY requirements.txt requirements-dev.txt ./
RUN /opt/resellflow/bin/pip install --require-hashes -r requirements.txt
# The tool that builds our own wheel comes from the same lock, and stays out of the image.
RUN awk '/^[^ #]/ { wanted = /^setuptools==/ } wanted' requirements-dev.txt > requirements-build.txt \
    && /opt/build/bin/pip install --require-hashes -r requirements-build.txt

COPY . .
# `docker build --build-arg COMMIT=$(git rev-parse HEAD) .` makes the programs say it: there is no repository in here.
ARG COMMIT=""
RUN if [ -n "$COMMIT" ]; then sed -i "s/[$]Format:%H[$]/$COMMIT/" program_version.py; fi
RUN /opt/build/bin/pip wheel --no-deps --no-build-isolation --wheel-dir /wheels . \
    && /opt/resellflow/bin/pip install --no-deps --no-index /wheels/*.whl


FROM ${PYTHON_IMAGE}
RUN useradd --system --uid 10001 --user-group --home-dir /var/lib/resellflow --create-home resellflow
COPY --from=build /opt/resellflow /opt/resellflow
ENV PATH=/opt/resellflow/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
USER 10001:10001
WORKDIR /var/lib/resellflow
CMD ["resellflow-worker"]
