# The program as one folder of JavaScript on an image that holds Node and nothing else: no shell, no package manager, no sources.

# By their tags here; a release gives each with the digest that its tag has then (dev/base-images.ts).
ARG NODE_IMAGE=docker.io/library/node:24-bookworm
ARG BASE_IMAGE=gcr.io/distroless/cc-debian12:nonroot

FROM ${NODE_IMAGE} AS build
WORKDIR /build
COPY package.json package-lock.json ./
RUN npm ci --no-audit --no-fund
COPY tsconfig.json ./
COPY dev/bundle dev/bundle
COPY src src
RUN node dev/bundle/main.ts \
 && node dev/bundle/sbom.ts > dist/sbom.cdx.json
# A seventh of Node are symbols, which nothing in the image could read.
RUN mkdir -p /nodejs/bin && strip -o /nodejs/bin/node "$(command -v node)"
# What V8 compiles is good for the very Node and the flags that compiled it: those of the image.
RUN ["/nodejs/bin/node", "--max-semi-space-size=4", "dev/bundle/compile.ts", "dist"]

FROM ${BASE_IMAGE}
ARG BASE_IMAGE
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="quartermaster" \
      org.opencontainers.image.description="A Kubernetes mutating admission webhook and controller for data workloads" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.base.name="${BASE_IMAGE}" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY --from=build /nodejs/bin/node /nodejs/bin/node
WORKDIR /quartermaster
COPY --from=build /build/dist ./
# One malloc arena: glibc's default of eight for each core keeps what every thread once needed.
ENV NODE_ENV=production MALLOC_ARENA_MAX=1 NODE_COMPILE_CACHE=/quartermaster/compiled NODE_COMPILE_CACHE_PORTABLE=1
# The numbers behind `nonroot`: Kubernetes can only check runAsNonRoot against a number.
USER 65532:65532
EXPOSE 8443 8080
# Node is process 1 and handles signals itself. Nothing is written anywhere: the root may be read-only.
# Young objects get 4 MiB, not 16 to 32: the caches of a large cluster then cost a third less memory (docs/decisions.md).
ENTRYPOINT ["/nodejs/bin/node", "--max-semi-space-size=4", "/quartermaster/main.mjs"]
CMD ["serve"]
