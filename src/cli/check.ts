/** `logstash-link check`: named checks of the cluster, the operator and the links, each with what mends it. */
import { checkCommand, checkFlagTable, type CheckCommand } from '../config/check.ts'
import { checkCertManager } from './check/cert-manager-checks.ts'
import { checkApiServer, checkCrd } from './check/cluster-checks.ts'
import type { CheckContext } from './check/context.ts'
import { checkInjection } from './check/injection-check.ts'
import { linkResults } from './check/link-checks.ts'
import { type Gathered, lookForLinks } from './check/look-for-links.ts'
import { checkLeader, lookForOperator } from './check/operator-checks.ts'
import { checkPermissions } from './check/permission-checks.ts'
import { checkReadyz } from './check/readyz-check.ts'
import { exitCodeOf, type CheckResult } from './check/result.ts'
import { resultLines, summary } from './check/text.ts'
import { checkWebhookConfiguration } from './check/webhook-checks.ts'
import type { Io } from './io.ts'
import type { Api } from './status/api.ts'
import { openApi } from './status/open-api.ts'
import { paintFor, surfaceOf } from './status/paint.ts'
import { answerUsage } from './usage.ts'

/** Exit code 0 when nothing failed (warnings are for people), 1 when something did, 2 for a refused command line. */
export async function runCheck(args: string[], io: Io): Promise<number> {
  const command = checkCommand(args)
  const answered = answerUsage('check', args, checkFlagTable, command.problems, io)
  if (answered !== undefined) return answered
  const { api, close } = openApi(command.cluster, io.env)
  const { width, coloured } = surfaceOf(io.stdout, io.env)
  const room = { width, paint: paintFor(coloured) }
  const results: CheckResult[] = []
  try {
    for await (const some of runChecks(api, command)) {
      results.push(...some)
      if (command.output === 'JSON') continue
      // One group after the other, so that whoever waits sees how far it is.
      for (const result of some) io.stdout.write(`${resultLines(result, room).join('\n')}\n`)
    }
  } finally {
    await close()
  }
  const end =
    command.output === 'JSON'
      ? JSON.stringify({ ok: exitCodeOf(results) === 0, checks: results }, null, 2)
      : `\n${summary(results)}`
  io.stdout.write(`${end}\n`)
  return exitCodeOf(results)
}

/** Without an API server nothing else can be said; without the CRD there are no links. */
export async function* runChecks(
  api: Api,
  {
    where,
    operatorNamespace,
    readyz,
  }: Pick<CheckCommand, 'where' | 'operatorNamespace' | 'readyz'>,
): AsyncGenerator<CheckResult[], void, void> {
  for (const url of readyz) yield await checkReadyz(url)
  const server = await checkApiServer(api)
  yield server
  if (server.some(({ outcome }) => outcome === 'failed')) return
  const crd = await checkCrd(api)
  yield crd
  const known = crd.every(({ outcome }) => outcome !== 'failed')
  const found: Gathered = known ? await lookForLinks(api, where.namespace) : { results: [] }
  yield found.results
  const operator = await lookForOperator(api, operatorNamespace)
  const context: CheckContext = {
    api,
    links: found.links,
    views: found.views,
    namespace: where.namespace ?? found.links?.[0]?.metadata.namespace ?? 'default',
    installation: operator.installation,
    now: Date.now(),
  }
  yield await checkCertManager(context)
  yield operator.results
  yield await checkLeader(context)
  yield await checkPermissions(context)
  yield await checkWebhookConfiguration(context)
  yield await checkInjection(context)
  yield linkResults(context.views)
}
