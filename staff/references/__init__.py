"""An independent path to what students' functions must return: slow, in float64, straight from the papers."""
