/** Paths in sidecar.json: relative to its folder, so that they hold wherever the pod's file system is rooted. */
import { mounts } from '../api/names.ts'

/** `../identity/tls.crt` for /etc/logstash-link/identity/tls.crt. */
export function fromConfig(mount: string, ...segments: string[]): string {
  const here = mounts.config.split('/').filter(Boolean)
  const there = [...mount.split('/'), ...segments].filter(Boolean)
  const shared = here.findIndex((segment, index) => segment !== there[index])
  const common = shared === -1 ? here.length : shared
  return [...here.slice(common).map(() => '..'), ...there.slice(common)].join('/')
}
