import type { LogstashLink } from '../api/link.ts'
import { configFiles, mounts } from '../api/names.ts'
import { defaults, type DeliverTarget, type ReceiverFile } from '../api/sidecar-config.ts'
import { fromConfig } from './mount-paths.ts'
import { credentials, deadLetter, identitySource, linkKey } from './sidecar-file.ts'

/** sidecar.json of a link's receivers. */
export function receiverFile(link: LogstashLink): ReceiverFile {
  const { receiver, tls } = link.spec
  const { clientAuthentication } = tls
  const clientTrust = { type: 'pem', ca: configFiles.trust } as const
  return {
    role: 'receiver',
    link: linkKey(link),
    tls: tls.enabled
      ? {
          enabled: true,
          identity: identitySource(link),
          clientAuthentication,
          ...(clientAuthentication === 'None' ? {} : { clientTrust }),
        }
      : { enabled: false },
    ...credentials(link),
    deliver: deliverTarget(link),
    deadLetter: deadLetter(link, 'receiver'),
    limits: { ...defaults.receiverLimits },
    ...(tls.enabled && tls.includePodIPs ? { requirePodAddresses: true } : {}),
    logLevel: receiver.sidecar.logLevel,
  }
}

/** The application shares the pod's network, so it is met on the loopback. */
function deliverTarget(link: LogstashLink): DeliverTarget {
  const { http, tcp, unix, file } = link.spec.receiver.deliver ?? {}
  if (http !== undefined) return { type: 'http', url: `http://127.0.0.1:${http.port}${http.path}` }
  if (tcp !== undefined) return { type: 'tcp', host: '127.0.0.1', port: tcp.port }
  if (unix !== undefined) return { type: 'unix', path: fromConfig(mounts.deliver, unix.path) }
  if (file !== undefined) {
    return { type: 'file', path: fromConfig(mounts.deliver, file.path), fsync: file.fsync }
  }
  return { type: 'stdout' }
}
