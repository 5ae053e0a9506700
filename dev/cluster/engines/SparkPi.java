package org.apache.spark.examples;

import java.util.List;
import java.util.stream.IntStream;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.SparkConf;

/** The example by its usual name: the jar of Spark's examples is not among what PyPI and Maven have. */
public final class SparkPi {
  public static void main(String[] arguments) {
    try (JavaSparkContext context = new JavaSparkContext(new SparkConf().setAppName("Spark Pi"))) {
      int slices = 2;
      int points = 100_000 * slices;
      List<Integer> numbers = IntStream.range(0, points).boxed().toList();
      long inside = context.parallelize(numbers, slices).filter(number -> {
        double x = Math.random() * 2 - 1;
        double y = Math.random() * 2 - 1;
        return x * x + y * y <= 1;
      }).count();
      System.out.println("Pi is roughly " + 4.0 * inside / points);
    }
  }
}
