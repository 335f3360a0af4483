/** The contract of the cluster port, the same as for the in-memory cluster, on the real API server. */
import { after, before } from 'node:test'
import { portSuite } from '../kube/port-suite.ts'
import { underTest } from './support/kube.ts'
import { sharedTestCluster, type TestCluster } from './support/test-cluster.ts'

let cluster: TestCluster

before(async () => {
  cluster = await sharedTestCluster()
})
after(() => cluster.stop())

portSuite('a real API server', () => underTest(cluster))
