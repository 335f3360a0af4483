/** What a container sees in its environment: env, envFrom, valueFrom and $(VAR), by the rules of Kubernetes. Pure. */
import { environment as names } from '../../api/names.ts'
import { fieldOf } from './downward.ts'
import type { Container, EnvVar, KeyRef, Pod } from '../pod.ts'

/** ConfigMap and Secret data as text; undefined where there is no such object. */
export interface Objects {
  configMap(name: string): Record<string, Buffer> | undefined
  secret(name: string): Record<string, Buffer> | undefined
}

/** Either the environment, or why the container has to wait for it. */
export type EnvironmentResult =
  | { env: Record<string, string>; missing?: undefined }
  | { env?: undefined; missing: string }

export function containerEnvironment(input: {
  container: Container
  pod: Pod
  address: string
  objects: Objects
  /** What the machine gives to every process: PATH and the like. */
  base: Record<string, string>
}): EnvironmentResult {
  const { container, pod, address, objects } = input
  const env: Record<string, string> = {
    ...input.base,
    HOSTNAME: pod.metadata.name,
    POD_IP: address,
    [names.podAddress]: address,
  }
  for (const { prefix = '', configMapRef, secretRef } of container.envFrom ?? []) {
    const ref = configMapRef ?? secretRef
    if (ref === undefined) continue
    const data = configMapRef ? objects.configMap(ref.name) : objects.secret(ref.name)
    if (data === undefined && !ref.optional) {
      return { missing: `${configMapRef ? 'configmap' : 'secret'} "${ref.name}" not found` }
    }
    for (const [key, value] of Object.entries(data ?? {})) env[prefix + key] = value.toString()
  }
  for (const each of container.env ?? []) {
    const result = valueOf(each, pod, address, objects)
    if ('missing' in result) return result
    if (result.value !== undefined) env[each.name] = expand(result.value, env)
  }
  return { env }
}

function valueOf(
  variable: EnvVar,
  pod: Pod,
  address: string,
  objects: Objects,
): { value: string | undefined } | { missing: string } {
  const from = variable.valueFrom
  if (from === undefined) return { value: variable.value ?? '' }
  if (from.fieldRef) return { value: fieldOf(pod, address, from.fieldRef.fieldPath) ?? '' }
  if (from.configMapKeyRef) {
    return keyOf('configmap', from.configMapKeyRef, objects.configMap(from.configMapKeyRef.name))
  }
  if (from.secretKeyRef) {
    return keyOf('secret', from.secretKeyRef, objects.secret(from.secretKeyRef.name))
  }
  return {
    missing: `env "${variable.name}" takes its value from a source that local does not know`,
  }
}

function keyOf(
  kind: string,
  ref: KeyRef,
  data: Record<string, Buffer> | undefined,
): { value: string | undefined } | { missing: string } {
  const value = data?.[ref.key]
  if (value !== undefined) return { value: value.toString() }
  if (ref.optional) return { value: undefined }
  if (data === undefined) return { missing: `${kind} "${ref.name}" not found` }
  return { missing: `key "${ref.key}" not found in ${kind} "${ref.name}"` }
}

/** $(NAME) by its value, `$$(NAME)` as the literal `$(NAME)`; a name that is not set stays as it stands. */
export function expand(text: string, env: Record<string, string>): string {
  return text.replace(/\$(\$|\(([A-Za-z_.-][\w.-]*)\))/g, (whole, after: string, name?: string) => {
    if (after === '$') return '$'
    return name === undefined ? whole : (env[name] ?? whole)
  })
}
