/** Who led and when, by the Lease and by the logs of the operator's pods, and how often each of their processes began. */
import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { KubeObject } from '../../../src/api/objects.ts'
import type { Cluster } from '../../../src/kube/cluster.ts'
import { operatorNamespace, release } from './installed-chart.ts'
import type { ProcessNode } from './process-node.ts'

/** Times in ms since 1970. */
interface Reign {
  pod: string
  from: number
  /** The moment from which on it surely did nothing more; infinite while it leads. */
  to: number
}

interface Replica {
  pod: string
  /** How often its process began. */
  starts: number
  /** Ended by `kill`. */
  kills: number
  /** When it ended itself, as it could not renew the Lease any more. */
  losses: number[]
  /** What a process that dies of a defect prints. */
  lastWords: string[]
}

export interface Leaders {
  /** Name of the pod that the Lease names now. */
  leader(): string
  /** kill -9 of a replica's process; gives back when. */
  kill(pod: string): number
  /** Of all pods that ever were. */
  replicas(): Replica[]
  reigns(): Reign[]
  /** Fails where two led at once, or the Lease went over to another before it was free. */
  assertOneAtATime(): void
  /** Fails where a process ended for another cause than that we killed it, or that it lost the Lease. */
  assertKnownEnds(): void
  stop(): void
}

interface Lease extends KubeObject {
  spec: {
    holderIdentity: string
    acquireTime: string
    renewTime: string
    leaseTransitions: number
    leaseDurationSeconds: number
  }
}

interface Line {
  time: string
  level: string
  msg: string
  [field: string]: unknown
}

const words = {
  began: 'The operator runs',
  leads: 'This process leads',
  lost: 'Leadership is lost',
  givenBack: 'The Lease is given back',
}
/** A leader gives up before another can have the Lease: renewDeadlineSeconds of the chart. */
const renewMs = 10_000

export function watchLeaders(cluster: Cluster, node: ProcessNode): Leaders {
  const kind = { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease' }
  const seen: Lease['spec'][] = []
  const kills: { pod: string; at: number }[] = []
  const watch = cluster.watch(
    kind,
    { namespace: operatorNamespace, name: release },
    ({ type, object }) => {
      if (type !== 'DELETED') seen.push((object as Lease).spec)
    },
  )
  const leader = () => {
    const { holderIdentity = '' } = seen.at(-1) ?? {}
    assert.notEqual(holderIdentity, '', 'nobody holds the Lease')
    return podOf(holderIdentity)
  }
  const logs = () => {
    const lines = new Map<string, string[]>()
    // The older part of a log first.
    for (const file of globSync(`${operatorNamespace}_*_operator.log*`, {
      cwd: join(node.folder, 'logs'),
    }).toSorted((a, b) => b.length - a.length)) {
      const pod = file.split('_')[1] ?? ''
      const text = readFileSync(join(node.folder, 'logs', file), 'utf8')
      lines.set(pod, [...(lines.get(pod) ?? []), ...text.split('\n').filter(Boolean)])
    }
    return lines
  }

  const reigns = () =>
    [...logs()].flatMap(([pod, text]) => {
      const lines = text.flatMap(parsed)
      return lines.flatMap((line, index): Reign[] => {
        if (line.msg !== words.leads) return []
        const from = Date.parse(line.time)
        const end = lines
          .slice(index + 1)
          .find(({ msg }) => [words.lost, words.givenBack].includes(msg))
        const ends = [
          ...(end === undefined ? [] : [Date.parse(end.time)]),
          ...kills.filter((kill) => kill.pod === pod && kill.at >= from).map(({ at }) => at),
        ]
        return [{ pod, from, to: Math.min(Number.POSITIVE_INFINITY, ...ends) }]
      })
    })

  const replicas = (): Replica[] =>
    [...logs()].map(([pod, text]) => {
      const lines = text.flatMap(parsed)
      return {
        pod,
        starts: lines.filter(({ msg }) => msg === words.began).length,
        kills: kills.filter((kill) => kill.pod === pod).length,
        losses: lines.filter(({ msg }) => msg === words.lost).map(({ time }) => Date.parse(time)),
        lastWords: text.filter((line) => !line.startsWith('{')),
      }
    })
  return {
    leader,
    kill(pod) {
      const found = node.kubelet.processes().find((each) => each.pod.endsWith(`/${pod}`))
      assert.ok(found, `no process of pod ${pod}`)
      const at = Date.now()
      process.kill(found.pid, 'SIGKILL')
      kills.push({ pod, at })
      return at
    },
    replicas,
    reigns,
    assertOneAtATime() {
      const all = reigns().toSorted((a, b) => a.from - b.from)
      for (const [index, next] of all.entries()) {
        const previous = all[index - 1]
        if (previous === undefined) continue
        const told = `${JSON.stringify(previous)} and ${JSON.stringify(next)}`
        assert.ok(next.from >= previous.to, `two led at once: ${told}`)
      }
      for (const [index, next] of seen.entries()) {
        const previous = seen[index - 1]
        if (previous === undefined || next.holderIdentity === previous.holderIdentity) continue
        // An empty holder has given it back.
        if (previous.holderIdentity === '' || next.holderIdentity === '') continue
        const free = Date.parse(next.acquireTime) - Date.parse(previous.renewTime)
        const told = `${JSON.stringify(previous)} and ${JSON.stringify(next)}`
        assert.ok(free > renewMs, `the Lease was taken too soon: ${told}`)
        assert.equal(next.leaseTransitions, previous.leaseTransitions + 1, told)
      }
    },
    assertKnownEnds() {
      for (const { pod, starts, kills: killed, losses, lastWords } of replicas()) {
        assert.deepEqual(lastWords, [], pod)
        assert.equal(starts, 1 + killed + losses.length, `${pod} began again without a cause`)
      }
    },
    stop: () => watch.stop(),
  }
}

/** Identities are the pod's name and a number that is each process's own. */
function podOf(identity: string): string {
  return identity.slice(0, identity.indexOf('_'))
}

function parsed(line: string): Line[] {
  return line.startsWith('{') ? [JSON.parse(line) as Line] : []
}
