"""All methods and many classes from shared passes, for thousands of images: what students must not get beforehand."""
