/** Requests as somebody else than the administrator: a user, or a service account by the name that it has for the API. */
import { createApi, type Api } from './api-request.ts'
import { pkiFolder, type ClusterAddress } from './cluster-client.ts'
import { openAuthority } from './pki.ts'

export async function apiAs(
  { url, run, pki }: ClusterAddress,
  who: { user: string } | { serviceAccount: string; namespace: string },
): Promise<Api> {
  const authority = openAuthority(pkiFolder(run))
  const all = 'system:serviceaccounts'
  const files =
    'user' in who
      ? await authority.client(who.user)
      : await authority.client(`system:serviceaccount:${who.namespace}:${who.serviceAccount}`, [
          all,
          `${all}:${who.namespace}`,
        ])
  return createApi({ url, ca: pki.ca, ...files })
}
