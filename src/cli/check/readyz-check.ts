/** `check --readyz URL`: the readiness of a program, each of its checks by name. */
import { request } from 'undici'
import { messageOf } from '../../errors.ts'
import type { CheckResult } from './result.ts'

const patience = 5000

/** Never rejects. */
export async function checkReadyz(url: string): Promise<CheckResult[]> {
  const name = `${url} answers`
  try {
    const { statusCode, body } = await request(url, { signal: AbortSignal.timeout(patience) })
    return [readyzResult(name, statusCode, await body.text())]
  } catch (error) {
    return [{ name, outcome: 'failed', message: `It does not: ${messageOf(error)}.` }]
  }
}

export function readyzResult(name: string, status: number, text: string): CheckResult {
  const checks = Object.entries(checksIn(text))
  const failing = checks
    .filter(([, check]) => check.ok !== true)
    .map(([check, { message }]) => `${check}: ${String(message)}`)
  if (status === 200) return { name, outcome: 'ok', message: `200, ${checks.length} checks hold.` }
  const why = failing.length > 0 ? failing.join('; ') : text.slice(0, 200)
  return { name, outcome: 'failed', message: `It answers ${status}: ${why}` }
}

function checksIn(text: string): Record<string, { ok?: unknown; message?: unknown }> {
  try {
    const { checks } = JSON.parse(text) as { checks?: Record<string, { ok?: unknown }> }
    return checks ?? {}
  } catch {
    // Not one of our programs: the status alone counts.
    return {}
  }
}
