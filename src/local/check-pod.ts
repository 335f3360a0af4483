/** What of a pod `local` cannot honour: refused before anything runs, in a sentence for each. Pure. */
import { shapeProblems } from './pod-shape.ts'
import { isOwnImage } from './runtime/program.ts'
import { fieldOf } from './runtime/downward.ts'
import type { Container, Pod, PodSpec, Probe, Volume } from './pod.ts'

const volumeSources = [
  'configMap',
  'secret',
  'emptyDir',
  'projected',
  'downwardAPI',
  'persistentVolumeClaim',
]
const projectedSources = ['configMap', 'secret', 'downwardAPI']

/** @param at where the spec stands, such as `spec.template.spec` */
export function podProblems(spec: PodSpec | undefined, at: string): string[] {
  if (!Array.isArray(spec?.containers) || spec.containers.length === 0) {
    return [`Expected \`${at}.containers\` to be a list of at least one container`]
  }
  const misshapen = shapeProblems(spec, at)
  if (misshapen.length > 0) return misshapen
  const { containers } = spec
  const initContainers = spec.initContainers ?? []
  const volumes = spec.volumes ?? []
  const names = [...initContainers, ...containers].map((each) => each.name)
  const twin = names.find((name, index) => names.indexOf(name) !== index)
  return [
    ...(twin === undefined ? [] : [`\`${at}\`: two containers are named ${twin}`]),
    ...(spec.hostNetwork ? [`\`${at}.hostNetwork\`: local gives each pod its own address`] : []),
    ...volumes.flatMap((volume, index) => volumeProblems(volume, `${at}.volumes[${index}]`)),
    ...initContainers.flatMap((each, index) =>
      containerProblems(each, volumes, `${at}.initContainers[${index}]`),
    ),
    ...containers.flatMap((each, index) =>
      containerProblems(each, volumes, `${at}.containers[${index}]`),
    ),
  ]
}

function volumeProblems(volume: Volume, at: string): string[] {
  const { name: _, ...sources } = volume
  const unknown = Object.keys(sources).filter((source) => !volumeSources.includes(source))
  const projected = (volume.projected?.sources ?? [])
    .flatMap((source) => Object.keys(source))
    .filter((source) => !projectedSources.includes(source))
  const fields = [
    ...(volume.downwardAPI?.items ?? []),
    ...(volume.projected?.sources ?? []).flatMap((source) => source.downwardAPI?.items ?? []),
  ]
  return [
    ...unknown.map(
      (source) => `\`${at}.${source}\`: local has ${volumeSources.join(', ')} volumes`,
    ),
    ...projected.map(
      (source) =>
        `\`${at}.projected\`: local projects ${projectedSources.join(', ')}, not ${source}`,
    ),
    ...fields.flatMap(({ fieldRef }) => fieldProblems(fieldRef?.fieldPath, at)),
  ]
}

function containerProblems(container: Container, volumes: Volume[], at: string): string[] {
  const { lifecycle } = container
  const command = container.command ?? []
  const args = container.args ?? []
  const volumeMounts = container.volumeMounts ?? []
  const problems: string[] = []
  if (command.length === 0 && !isOwnImage(container.image)) {
    const rest = args.length > 0 ? ', as an image whose entry point is unknown is not run' : ''
    problems.push(`Expected \`${at}.command\` to name a program of this machine${rest}, got none`)
  }
  if (lifecycle !== undefined) problems.push(`\`${at}.lifecycle\`: local runs no hooks`)
  for (const [index, mount] of volumeMounts.entries()) {
    const here = `${at}.volumeMounts[${index}]`
    if (!volumes.some((volume) => volume.name === mount.name)) {
      problems.push(`Expected \`${here}.name\` to be a volume of the pod, got "${mount.name}"`)
    }
    if (mount.subPath !== undefined || mount.subPathExpr !== undefined) {
      problems.push(`\`${here}.subPath\`: local mounts whole volumes`)
    }
    const parent = volumeMounts.find(
      (other) => other !== mount && `${mount.mountPath}/`.startsWith(`${other.mountPath}/`),
    )
    if (parent !== undefined) {
      problems.push(
        `\`${here}.mountPath\`: local cannot mount ${mount.mountPath} in ${parent.mountPath}`,
      )
    }
  }
  for (const { name, valueFrom } of container.env ?? []) {
    if (valueFrom?.resourceFieldRef !== undefined) {
      problems.push(
        `\`${at}.env\`: ${name} takes its value from a resource, which local does not know`,
      )
    }
    if (valueFrom?.fieldRef)
      problems.push(...fieldProblems(valueFrom.fieldRef.fieldPath, `${at}.env`))
  }
  for (const kind of ['startupProbe', 'readinessProbe', 'livenessProbe'] as const) {
    problems.push(...probeProblems(container[kind], `${at}.${kind}`))
  }
  return problems
}

function probeProblems(probe: Probe | undefined, at: string): string[] {
  if (probe === undefined || probe.httpGet || probe.tcpSocket || probe.exec) return []
  return [
    `Expected \`${at}\` to have httpGet, tcpSocket or exec, got ${Object.keys(probe).join(', ')}`,
  ]
}

const anyPod: Pod = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'any' },
  spec: { containers: [] },
}

function fieldProblems(fieldPath: string | undefined, at: string): string[] {
  if (fieldPath !== undefined && fieldOf(anyPod, '', fieldPath) !== undefined) return []
  return [`\`${at}\`: local does not know the field ${fieldPath}`]
}
