import type { DeliverTarget } from '../../../api/sidecar-config.ts'
import type { Deliverer } from './deliverer.ts'
import { createFileDeliverer } from './file.ts'
import { createHttpDeliverer } from './http.ts'
import { createDescriptorDeliverer } from './stdout.ts'
import { createStreamDeliverer } from './stream.ts'

/** Connections are made when the first events come. `stdout` is a file descriptor. */
export function openDeliverer(target: DeliverTarget, stdout: number): Deliverer {
  switch (target.type) {
    case 'http':
      return createHttpDeliverer(target.url)
    case 'tcp':
      return createStreamDeliverer({ host: target.host, port: target.port })
    case 'unix':
      return createStreamDeliverer({ path: target.path })
    case 'file':
      return createFileDeliverer(target.path, target.fsync)
    default:
      return createDescriptorDeliverer(stdout)
  }
}

/** Names the target in logs and /status, without credentials. */
export function describeTarget(target: DeliverTarget): string {
  switch (target.type) {
    case 'http': {
      const { origin, pathname } = new URL(target.url)
      return origin + pathname
    }
    case 'tcp':
      return `tcp://${target.host}:${target.port}`
    case 'unix':
      return `unix:${target.path}`
    case 'file':
      return `file:${target.path}`
    default:
      return 'stdout'
  }
}
