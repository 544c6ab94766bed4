"""What people look at: fragments for notebooks, the report page; knows compiled models, not how they are trained."""
