import { configFiles } from '../api/names.ts'
import type { KubeObject } from '../api/objects.ts'
import type { Observed } from '../api/observed.ts'
import { roleConfigMap, settingsText } from './config-map.ts'
import { receiverFile } from './receiver-file.ts'

/** The bundle is there for client certificates, which a receiver verifies by it alone. */
export function receiverConfigMap(observed: Observed, trustBundle: string): KubeObject {
  return roleConfigMap(observed.link, 'receiver', {
    [configFiles.settings]: settingsText(observed, 'receiver', receiverFile(observed.link)),
    [configFiles.trust]: trustBundle,
  })
}
