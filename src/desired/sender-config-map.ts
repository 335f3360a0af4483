import type { LogstashLinkSpec } from '../api/link.ts'
import { configFiles } from '../api/names.ts'
import type { KubeObject } from '../api/objects.ts'
import type { Observed } from '../api/observed.ts'
import type { HostsFile } from '../api/sidecar-config.ts'
import { jsonText, roleConfigMap, settingsText } from './config-map.ts'
import { senderFile } from './sender-file.ts'

export function senderConfigMap(
  observed: Observed,
  sender: NonNullable<LogstashLinkSpec['sender']>,
  content: { hosts: HostsFile; trustBundle: string },
): KubeObject {
  const settings = senderFile(observed, sender, content.trustBundle)
  return roleConfigMap(observed.link, 'sender', {
    [configFiles.settings]: settingsText(observed, 'sender', settings),
    [configFiles.hosts]: jsonText(content.hosts),
    [configFiles.trust]: content.trustBundle,
  })
}
