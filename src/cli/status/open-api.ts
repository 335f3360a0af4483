/** The API server as whoever runs `status` or `check`. */
import { createKubeClient } from '../../kube/client.ts'
import { loadKubeAccess } from '../../kube/kube-config.ts'
import type { ClusterChoice } from '../../config/cluster-flags.ts'
import { createLog } from '../../telemetry/log.ts'
import { createMetrics } from '../../telemetry/metrics.ts'
import type { Io } from '../io.ts'
import type { Api } from './api.ts'

/** Somebody waits at a terminal: what does not answer is told soon. */
const limits = { requestMs: 15_000, retries: 2, retryMs: 2000 }

/** `namespace` is the one of the kubeconfig's context. Throws LSL_KUBECONFIG_INVALID. */
export function openApi(
  choice: ClusterChoice,
  env: Io['env'],
): { api: Api; namespace: string; close: () => Promise<void> } {
  const log = createLog({ program: 'cli', level: 'Error' })
  const registry = createMetrics({ program: 'cli' })
  const client = createKubeClient({ ...choice, env, log, registry, limits })
  const { namespace = 'default' } = loadKubeAccess({ ...choice, env })
  return {
    api: {
      get: (path, signal) =>
        client.request({ method: 'GET', path, ...(signal === undefined ? {} : { signal }) }),
      post: (path, body) => client.request({ method: 'POST', path, body }),
    },
    namespace,
    close: () => client.close(),
  }
}
