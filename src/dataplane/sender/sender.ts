/** The sender as programs start it: assemble.ts says what it consists of. */
import type { SenderSettings } from '../../api/sidecar-config.ts'
import type { Watched } from '../files/watched.ts'
import { assemble } from './assemble.ts'
import { createClosing } from './closing.ts'
import type { Sender, SenderDeps } from './types.ts'

export type { Sender, SenderDeps } from './types.ts'

/** Throws LSL_LISTEN_FAILED, and leaves nothing open then. Missing hosts or TLS files are waited for. */
export async function startSender(
  settings: Watched<SenderSettings>,
  deps: SenderDeps,
): Promise<Sender> {
  const closing = createClosing()
  try {
    return await assemble(settings, deps, closing)
  } catch (error) {
    await closing.close().catch((closed: unknown) => {
      deps.log.warn({ err: closed }, 'Not all of a sender that could not start was closed')
    })
    throw error
  }
}
