import { createInMemoryCluster } from '../../src/local/cluster/in-memory-cluster.ts'
import { portSuite } from './port-suite.ts'

portSuite('the in-memory cluster', async () => {
  const cluster = createInMemoryCluster({ now: () => new Date() })
  return {
    as: (manager) => cluster.as(manager),
    namespace: async () => 'shop',
    stop: () => cluster.settled(),
  }
})
