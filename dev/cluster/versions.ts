/**
 * Everything the node and the engines are made of with the version that is tested (a release of Debian fixes the versions of
 * its packages). A version is part of the key its build is cached under: change it here and the next run builds anew.
 */
export const versions = {
  /** The release that root file systems of images are made from. */
  debian: 'bookworm',
  /** Go modules. */
  kubernetes: '1.37.2',
  coredns: '1.14.7',
  localPathProvisioner: '0.0.30',
  /** The library that the NFS provisioner is written with. */
  externalProvisioner: '11.0.1',
  sparkOperator: '2.5.2',
  /** The oldest that is served. */
  oldestSparkOperator: '2.2.1',
  argoWorkflows: '4.0.5',
  kubeRay: '1.5.0',
  jobSet: '0.10.1',
  trainingOperator: '1.8.1',
  trainer: '2.0.0',
  /** PyPI. */
  pyspark: '4.0.0',
  pyspark3: '3.5.7',
  calrissian: '0.18.1',
  hera: '7.1.0',
  /** Maven Central: what Spark 3.5 has of Hadoop, and the agent that the charts of openEO put into its JVMs. */
  hadoopAws: '3.3.4',
  jmxExporter: '0.20.0',
  flink: '2.1.0',
  flinkOperator: '1.7.0',
  /** The first that speaks to an account without hierarchical names, which azurite is. */
  hadoopAzure: '3.4.2',
} as const;
