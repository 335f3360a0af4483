# One image for all programs: `docker build --tag logstash-link .`, for other platforms `docker buildx build --platform
# linux/amd64,linux/arm64 .`. Why it is made this way, with sizes: docs/adr/0010-image.md.

# Where npm and tsc run: on the builder's own platform, whatever platform the image is for.
ARG BUILD_BASE=node:26-slim
# A C library and nothing else that runs; Node is brought along.
ARG RUNTIME_BASE=gcr.io/distroless/cc-debian12:nonroot

FROM --platform=$BUILDPLATFORM ${BUILD_BASE} AS build
# Set by the builder: amd64 or arm64.
ARG TARGETARCH=amd64
WORKDIR /build
COPY package.json package-lock.json .npmrc ./
# No install scripts: dependencies have none that are needed, and ours would build before the sources are there.
RUN npm ci --ignore-scripts
COPY tsconfig.json tsconfig.build.json ./
COPY scripts/build.mjs scripts/
COPY src src
RUN node scripts/build.mjs
# What runs: no development dependencies, and nothing that only holds types, documents or source maps; of the Kubernetes
# client its exec plugin alone is loaded. Of the optional ones, which each are a Node, the one for the image's processor.
RUN rm -rf node_modules \
  && npm ci --ignore-scripts --omit=dev --os=linux --libc=glibc --cpu="$(echo "$TARGETARCH" | sed s/amd64/x64/)" \
  && mkdir -p /image/usr/local/bin /image/app \
  && mv node_modules/node-linux-*/bin/node /image/usr/local/bin/node \
  && rm -rf node_modules/node-linux-* node_modules/.bin node_modules/.package-lock.json \
     node_modules/@types node_modules/kubernetes-models node_modules/@kubernetes-models \
  && find node_modules/@kubernetes -type f ! -path '*/dist/exec_auth.js' ! -name package.json ! -iname 'license*' -delete \
  && find node_modules -type f \( -name '*.map' -o -name '*.ts' -o -name '*.mts' -o -name '*.cts' -o -name '*.md' \) \
     ! -iname 'license*' -delete \
  && find node_modules -mindepth 2 -maxdepth 3 -type d \( -name test -o -name tests -o -name 'benchmark*' -o -name examples \) \
     -prune -exec rm -rf {} + \
  && find node_modules -type d -empty -delete \
  && mv node_modules dist package.json /image/app/
COPY bin /image/app/bin
COPY LICENSE /image/app/

# Node 26 needs libatomic, which the runtime's base lacks. Only copied from, so it is never run on another processor.
FROM ${BUILD_BASE} AS libraries

FROM ${RUNTIME_BASE}
ARG VERSION=0.1.0
ARG REVISION=unknown
ARG CREATED=1970-01-01T00:00:00Z
LABEL org.opencontainers.image.title="logstash-link" \
      org.opencontainers.image.description="Operator and sidecars that carry events over the protocol of Logstash's own logstash output and input" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.created="${CREATED}" \
      org.opencontainers.image.base.name="gcr.io/distroless/cc-debian12:nonroot"
COPY --from=libraries /usr/lib/*/libatomic.so.1 /usr/lib/
COPY --from=build /image /
ENV NODE_ENV=production
# The user that sidecars run as, numeric so that the kubelet can tell that it is not root.
USER 65532:65532
WORKDIR /app
# No shell and no npm in between: the program is process 1 and gets SIGTERM itself.
ENTRYPOINT ["/usr/local/bin/node", "/app/bin/logstash-link.js"]
