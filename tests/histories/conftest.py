from tests.workflows.bench import bench

__all__ = ["bench"]
