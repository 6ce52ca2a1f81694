# syntax=docker/dockerfile:1
# Builder: locked requirements, the wheel, and every kernel compiled for a plain x86-64 or arm64 CPU.
# Runtime: the same slim base with the finished environment, an unprivileged user and nothing that builds.
# The base is an argument, so that a mirror or a digest can be pinned from outside.
ARG BASE=python:3.13-slim-bookworm

FROM ${BASE} AS builder
ENV PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /build
COPY requirements/ requirements/
RUN python -m venv /opt/bess-pipeline \
 && /opt/bess-pipeline/bin/pip install --require-hashes --requirement requirements/run.txt
COPY pyproject.toml README.md LICENSE ./
COPY config/ config/
COPY jit/ jit/
COPY sources/ sources/
COPY operators/ operators/
COPY sinks/ sinks/
COPY pipeline/ pipeline/
COPY simulator/ simulator/
RUN /opt/bess-pipeline/bin/pip install --no-build-isolation --no-deps .
WORKDIR /
ENV BESS_PIPELINE_CACHE=/opt/bess-pipeline/cache NUMBA_CPU_NAME=generic PYTHONSAFEPATH=1
RUN /opt/bess-pipeline/bin/python -c 'import importlib, pkgutil, sys, jit; \
    [importlib.import_module(module.name) for module in pkgutil.iter_modules(jit.__path__, "jit.")]; \
    sys.exit(sys.modules["jit.build"].compiled())'

FROM ${BASE} AS runtime
LABEL org.opencontainers.image.title="bess-pipeline" \
      org.opencontainers.image.licenses="MIT"
RUN useradd --system --uid 10001 --user-group --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin ems \
 && install -d -o ems -g ems -m 0700 /var/lib/bess-pipeline
COPY --from=builder /opt/bess-pipeline /opt/bess-pipeline
ENV PATH=/opt/bess-pipeline/bin:$PATH \
    PYTHONSAFEPATH=1 PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 \
    BESS_PIPELINE_CACHE=/opt/bess-pipeline/cache \
    NUMBA_CPU_NAME=generic NUMBA_CACHE_LOCATOR_CLASSES=jit.sealed.SealedCacheLocator
USER 10001:10001
WORKDIR /var/lib/bess-pipeline
VOLUME /var/lib/bess-pipeline
EXPOSE 8088
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s --retries=3 CMD ["bess-pipeline", "health"]
# SIGTERM writes 0 kW, reads it back and ends; give it `stop_grace_period` 15 s.
STOPSIGNAL SIGTERM
ENTRYPOINT ["bess-pipeline"]
CMD ["run", "/etc/bess-pipeline/site.yaml"]
